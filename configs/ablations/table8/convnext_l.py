"""Row "ConvNeXt-L": SAM2CLIP only, with CLIP ConvNeXt-L.

Source: Yuan et al., Open-Vocabulary SAM, table 8 left (and table 7 left, multi-scale). Published, COCO:
IoU 78.3, Acc 59.1; 1,313 G, 321 M. Needs `sam2clip_vith_convnext_l_sa1b_24e`.

    python tools/test.py configs/ablations/table8/convnext_l.py
"""

from mmengine.config import read_base

with read_base():
    from ...baselines.sam2clip_rn50x16 import *

ablation = dict(
    parent="baselines/sam2clip_rn50x16.py",
    table="8",
    row="ConvNeXt-L",
    changes=[
        "model.backbone.architecture",
        "model.classifier.text_encoder.architecture",
        "initial_weights.backbone",
        "initial_weights.classifier.text_encoder",
        "initial_weights.neck",
    ],
)
method = "SAM2CLIP only, CLIP ConvNeXt-L"
model.backbone.update(architecture="ConvNeXt-L")
model.classifier.text_encoder.update(architecture="ConvNeXt-L")
initial_weights.update(
    {
        "backbone": "clip_convnext_l#image_encoder",
        "classifier.text_encoder": "clip_convnext_l#text_encoder",
        "neck": "sam2clip_vith_convnext_l_sa1b_24e#neck",
    }
)
