"""Real photographs, one more stage: `ovsam_photographs` goes on, and its distilled neck learns too.

Not the published recipe, where the neck is frozen after the distillation.

    python tools/train.py configs/mini/ovsam_photographs_neck.py
    python tools/test.py configs/mini/ovsam_photographs_neck.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_photographs import *

method = "Open-Vocabulary SAM, 512 px, overfitted, neck learns on"
ablation = dict(
    parent="mini/ovsam_photographs.py",
    table="",
    row="neck learns on",
    changes=["initial_weights", "model.train_neck", "train_cfg", "param_scheduler"],
)
initial_weights = {"": "ovsam_photographs"}
model.update(train_neck=True)
train_cfg.update(max_epochs=80)
param_scheduler[1].update(T_max=80)
