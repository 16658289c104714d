"""Baseline Image-Crop: the small SAM's mask, named by CLIP on the crop around that mask's box.

Nothing is trained.

    python tools/test.py configs/mini/image_crop.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import ImageCrop
from ovsam.models.segmentors.crop_baselines import CropBaseline

with read_base():
    from .._base_.mini import *
    from .._base_.models.mini import (
        classifier,
        clip_image,
        data_preprocessor,
        mask_decoder,
        prompt_encoder,
        sam_image,
    )

method = "Image-Crop (mask's box)"
initial_weights = {
    "image_encoder": "shapes_sam#image_encoder",
    "prompt_encoder": "shapes_sam#prompt_encoder",
    "mask_decoder": "shapes_sam#mask_decoder",
    "backbone": "shapes_clip_rn#image_encoder",
    "classifier.text_encoder": "shapes_clip_rn#text_encoder",
}

model = dict(
    type=CropBaseline,
    data_preprocessor=data_preprocessor,
    image_encoder=sam_image,
    backbone=clip_image,
    prompt_encoder=prompt_encoder,
    mask_decoder=mask_decoder,
    # Square crops, as in the small CLIP's training; stretching would turn a bar into a square.
    vectors=dict(type=ImageCrop, box="mask", aspect="context"),
    classifier=classifier,
)
