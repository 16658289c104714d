"""Row "shapes-rn-wide" of table 8: SAM2CLIP only, on 32 channels instead of 20.
Needs `sam2clip_rn_wide`.

    python tools/test.py configs/mini/sam2clip_rn_wide_only.py
"""

from mmengine.config import read_base

with read_base():
    from .sam2clip_only import *

ablation = dict(
    parent="mini/sam2clip_only.py",
    table="8",
    row="shapes-rn-wide",
    changes=[
        "model.backbone.architecture",
        "initial_weights.backbone",
        "initial_weights.classifier.text_encoder",
        "initial_weights.neck",
    ],
)
method = "SAM2CLIP only, shapes-rn-wide"
model.backbone.update(architecture="shapes-rn-wide")
initial_weights.update(
    {
        "backbone": "clip_rn_wide#image_encoder",
        "classifier.text_encoder": "clip_rn_wide#text_encoder",
        "neck": "sam2clip_rn_wide#neck",
    }
)
