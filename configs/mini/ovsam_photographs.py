"""Real photographs, 3 of 4: CLIP2SAM at 512 px overfits a handful of COCO images.

This is no benchmark result. It proves that real annotations, real photographs and all parts work
together: CLIP, prompt encoder and distilled neck are frozen; mask decoder, pyramid and region head learn
from annotations of the base classes. By default it reads all of COCO in `data/coco`. See
docs/miniature.md for training on a few pictures, docs/results.md for what came out.

    python tools/train.py configs/mini/sam2clip_photographs.py
    python tools/train.py configs/mini/ovsam_photographs.py
    python tools/test.py configs/mini/ovsam_photographs.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.losses import ClassificationLoss
from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

with read_base():
    from .._base_.mini_photographs import *
    from .._base_.models.mini import (
        classifier,
        clip2sam_decoder,
        clip_image,
        mask_loss,
        pyramid,
        region_head,
    )

method = "Open-Vocabulary SAM, 512 px, overfitted"
initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "classifier.text_encoder": "shapes_clip_rn#text_encoder",
    "neck": "sam2clip_photographs#neck",
    "prompt_encoder": "sam_vit_photographs#prompt_encoder",
    "mask_decoder.decoder": "sam_vit_photographs#mask_decoder",
}

classifier.update(vocabulary=dict(type=get_vocabulary, name="coco_48_17"))
model = dict(
    type=OpenVocabSam,
    data_preprocessor=data_preprocessor,
    backbone=clip_image,
    neck=neck,
    prompt_encoder=prompt_encoder,
    mask_decoder=clip2sam_decoder,
    pyramid=pyramid,
    region_head=region_head,
    classifier=classifier,
    fusion=dict(type=ClipFusion, vectors=dict(type=FeatureCrop)),
    mask_loss=mask_loss,
    class_loss=dict(type=ClassificationLoss),
    train_vocabulary="base",
)
