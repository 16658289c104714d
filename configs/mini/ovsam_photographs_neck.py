"""Real photographs, 4 of 4: continues `ovsam_photographs` and trains its distilled neck too.

The published recipe freezes the neck after distillation. Objects down to the published 32 px are used.

    python tools/train.py configs/mini/ovsam_photographs_neck.py
    python tools/test.py configs/mini/ovsam_photographs_neck.py
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.geometry import RandomResizeCrop

with read_base():
    from .ovsam_photographs import *

method = "Open-Vocabulary SAM, 512 px, overfitted, neck learns on"
ablation = dict(
    parent="mini/ovsam_photographs.py",
    table="",
    row="neck learns on",
    changes=["initial_weights", "model.train_neck", "train_dataloader", "train_cfg", "param_scheduler"],
)
initial_weights = {"": "ovsam_photographs"}
model.update(train_neck=True)
train_dataloader.dataset.update(
    pipeline=[
        *instance_pipeline[:2],
        dict(type=RandomResizeCrop, size=512, ratio_range=(1.0, 1.0), min_mask_area=32),
        *instance_pipeline[3:],
    ]
)
train_cfg.update(max_epochs=100)
param_scheduler[1].update(T_max=100)
