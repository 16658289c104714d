"""SAM2CLIP for the row "single-scale neck": the coarsest map alone.

python tools/train.py configs/mini/sam2clip_single_level.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from .sam2clip_rn import *

ablation = dict(
    parent="mini/sam2clip_rn.py",
    table="7",
    row="single-scale neck (distillation)",
    changes=["model.neck"],
)

model.neck.update(type=SingleLevelNeck)
