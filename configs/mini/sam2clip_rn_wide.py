"""SAM2CLIP for the row "shapes-rn-wide" of table 8: 32 channels instead of 20. Needs
`clip_rn_wide`.

    python tools/train.py configs/mini/sam2clip_rn_wide.py
"""

from mmengine.config import read_base

with read_base():
    from .sam2clip_rn import *

ablation = dict(
    parent="mini/sam2clip_rn.py",
    table="8",
    row="shapes-rn-wide (distillation)",
    changes=["model.backbone.architecture", "initial_weights.backbone"],
)

model.backbone.update(architecture="shapes-rn-wide")
initial_weights.update(backbone="clip_rn_wide#image_encoder")
