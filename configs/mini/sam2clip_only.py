"""Row "SAM2CLIP only": the small SAM's decoder on the distilled embedding, labels from CLIP's feature
crop.

CLIP2SAM starts from here. Nothing is trained; needs `sam2clip_rn`.

    python tools/test.py configs/mini/sam2clip_only.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

with read_base():
    from .._base_.mini import *
    from .._base_.models.mini import (
        classifier,
        clip_image,
        data_preprocessor,
        mask_decoder,
        neck,
        prompt_encoder,
    )

method = "SAM2CLIP only"
initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "classifier.text_encoder": "shapes_clip_rn#text_encoder",
    "neck": "sam2clip_rn#neck",
    "prompt_encoder": "shapes_sam#prompt_encoder",
    "mask_decoder": "shapes_sam#mask_decoder",
}

model = dict(
    type=OpenVocabSam,
    data_preprocessor=data_preprocessor,
    backbone=clip_image,
    neck=neck,
    prompt_encoder=prompt_encoder,
    mask_decoder=mask_decoder,
    classifier=classifier,
    fusion=dict(type=ClipFusion, vectors=dict(type=FeatureCrop)),
)
