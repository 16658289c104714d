"""CLIP2SAM: Open-Vocabulary SAM in miniature, the published method.

Trains mask decoder, feature pyramid and region head on annotations of the 48 base classes, with only
base names in the softmax. At test time the head's scores are fused with those of CLIP's feature crop;
CLIP weighs 0.1 on base and 0.9 on novel classes. Needs `sam2clip_rn`.

    python tools/train.py configs/mini/ovsam_rn.py
    python tools/test.py configs/mini/ovsam_rn.py
"""

from mmengine.config import read_base

from ovsam.engine.picture_filling import KeepPictures
from ovsam.models.losses import ClassificationLoss
from ovsam.models.picture_cache import PictureCache
from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

with read_base():
    from .._base_.datasets.shapes import shapes_train_base_loader
    from .._base_.mini import *
    from .._base_.models.mini import (
        classifier,
        clip2sam_decoder,
        clip_image,
        data_preprocessor,
        mask_loss,
        neck,
        prompt_encoder,
        pyramid,
        region_head,
    )
    from .._base_.schedules.mini import optim_wrapper, param_scheduler, train_cfg

method = "Open-Vocabulary SAM"
initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "classifier.text_encoder": "shapes_clip_rn#text_encoder",
    "neck": "sam2clip_rn#neck",
    "prompt_encoder": "shapes_sam#prompt_encoder",
    "mask_decoder.decoder": "shapes_sam#mask_decoder",
}

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
    # CLIP and neck are frozen and costly, the head is cheap and needs many steps. 0.8 MB a picture.
    cache=dict(type=PictureCache, max_gib=6.0),
    decoded_prompts=0.5,
)

train_dataloader = dict(shapes_train_base_loader, batch_size=4)
# The decoder starts from the small SAM's weights, pyramid and head from random ones.
optim_wrapper.optimizer.update(lr=3e-3)
optim_wrapper.paramwise_cfg.update(custom_keys={"mask_decoder": dict(lr_mult=0.16)})
train_cfg.update(max_epochs=4)
param_scheduler[1].update(T_max=4)
# Trainings beside each other share the work, and so do seeds.
custom_hooks.append(dict(type=KeepPictures))
