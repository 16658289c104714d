"""Row "RN50x64": SAM2CLIP only, with CLIP RN50x64.

Source: Yuan et al., Open-Vocabulary SAM, table 8 left (and table 7 left, multi-scale). Published, COCO:
IoU 78.1, Acc 54.1; 2,098 G, 568 M. Needs `sam2clip_vith_rn50x64_sa1b_24e`.

    python tools/test.py configs/ablations/table8/rn50x64.py
"""

from mmengine.config import read_base

with read_base():
    from ...baselines.sam2clip_rn50x16 import *

ablation = dict(
    parent="baselines/sam2clip_rn50x16.py",
    table="8",
    row="RN50x64",
    changes=[
        "model.backbone.architecture",
        "model.classifier.text_encoder.architecture",
        "initial_weights.backbone",
        "initial_weights.classifier.text_encoder",
        "initial_weights.neck",
    ],
)
method = "SAM2CLIP only, CLIP RN50x64"
model.backbone.update(architecture="RN50x64")
model.classifier.text_encoder.update(architecture="RN50x64")
initial_weights.update(
    {
        "backbone": "clip_rn50x64#image_encoder",
        "classifier.text_encoder": "clip_rn50x64#text_encoder",
        "neck": "sam2clip_vith_rn50x64_sa1b_24e#neck",
    }
)
