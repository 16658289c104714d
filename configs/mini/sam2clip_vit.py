"""SAM2CLIP for the row "shapes-vit" of table 8: a small ViT, one map of 8 px. Needs
`clip_vit`.

    python tools/train.py configs/mini/sam2clip_vit.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from .sam2clip_rn import *

ablation = dict(
    parent="mini/sam2clip_rn.py",
    table="8",
    row="shapes-vit (distillation)",
    changes=[
        "model.backbone.architecture",
        "initial_weights.backbone",
        "model.neck",
    ],
)

model.backbone.update(architecture="shapes-vit")
model.neck.update(type=SingleLevelNeck)
initial_weights.update(backbone="clip_vit#image_encoder")
