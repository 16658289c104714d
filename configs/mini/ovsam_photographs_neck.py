"""Real photographs, 3 of 3 another way: `ovsam_photographs` whose distilled neck learns on with the rest.

Not the published recipe, where the neck is frozen after the distillation.

    python tools/train.py configs/mini/ovsam_photographs_neck.py
    python tools/test.py configs/mini/ovsam_photographs_neck.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_photographs import *

method = "Open-Vocabulary SAM, 512 px, overfitted, neck trained"
ablation = dict(
    parent="mini/ovsam_photographs.py",
    table="",
    row="distilled neck learns on",
    changes=["model.train_neck"],
)
model.update(train_neck=True)
