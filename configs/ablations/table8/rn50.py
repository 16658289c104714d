"""Row "RN50": SAM2CLIP only, with CLIP RN50.

Source: Yuan et al., Open-Vocabulary SAM, table 8 left (and table 7 left, multi-scale). Published, COCO:
IoU 77.3, Acc 50.8; 728 G, 165 M. Needs `sam2clip_vith_rn50_sa1b_24e`.

    python tools/test.py configs/ablations/table8/rn50.py
"""

from mmengine.config import read_base

with read_base():
    from ...baselines.sam2clip_rn50x16 import *

ablation = dict(
    parent="baselines/sam2clip_rn50x16.py",
    table="8",
    row="RN50",
    changes=[
        "model.backbone.architecture",
        "model.classifier.text_encoder.architecture",
        "initial_weights.backbone",
        "initial_weights.classifier.text_encoder",
        "initial_weights.neck",
    ],
)
method = "SAM2CLIP only, CLIP RN50"
model.backbone.update(architecture="RN50")
model.classifier.text_encoder.update(architecture="RN50")
initial_weights.update(
    {
        "backbone": "clip_rn50#image_encoder",
        "classifier.text_encoder": "clip_rn50#text_encoder",
        "neck": "sam2clip_vith_rn50_sa1b_24e#neck",
    }
)
