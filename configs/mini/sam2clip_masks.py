"""Row "SAM2CLIP, frozen decoder" (masks only): the small SAM's decoder on the distilled embedding.

CLIP2SAM starts from here. Nothing is trained; needs stages a to c.

    python tools/test.py configs/mini/sam2clip_masks.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

with read_base():
    from .._base_.mini import *
    from .._base_.models.mini import clip_image, data_preprocessor, mask_decoder, neck, prompt_encoder

method = "SAM2CLIP, frozen decoder (masks only)"
initial_weights = {
    "backbone": "clip_rn#image_encoder",
    "neck": "sam2clip_rn#neck",
    "prompt_encoder": "sam_vit#prompt_encoder",
    "mask_decoder": "sam_vit#mask_decoder",
}

model = dict(
    type=OpenVocabSam,
    data_preprocessor=data_preprocessor,
    backbone=clip_image,
    neck=neck,
    prompt_encoder=prompt_encoder,
    mask_decoder=mask_decoder,
)
