"""Row "shapes-vit" of table 8: SAM2CLIP only, on a small ViT, one map of 8 px. Needs `sam2clip_vit`.

python tools/test.py configs/mini/sam2clip_vit_only.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from .sam2clip_only import *

ablation = dict(
    parent="mini/sam2clip_only.py",
    table="8",
    row="shapes-vit",
    changes=[
        "model.backbone.architecture",
        "initial_weights.backbone",
        "initial_weights.classifier.text_encoder",
        "initial_weights.neck",
        "model.neck",
    ],
)
method = "SAM2CLIP only, shapes-vit"
model.backbone.update(architecture="shapes-vit")
model.neck.update(type=SingleLevelNeck)
initial_weights.update(
    {
        "backbone": "clip_vit#image_encoder",
        "classifier.text_encoder": "clip_vit#text_encoder",
        "neck": "sam2clip_vit#neck",
    }
)
