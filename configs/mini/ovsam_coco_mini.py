"""Real photographs: CLIP2SAM at 256 px on a handful of COCO images, to see it overfit.

Not a result but a proof that real annotations, real photographs and every part work together. There
is no teacher for photographs here, so the neck learns with the decoder. CLIP, prompt encoder and the
decoder's start are the miniature's: a decoder that already follows prompts (from a few photographs it
learns the pictures by heart instead), and features that are poor but not nothing (random ones are).
The default data is all of COCO in `data/coco`; how to take a few pictures, and what came out, is in
configs/mini/README.md.

    python tools/train.py configs/mini/clip_rn.py
    python tools/train.py configs/mini/sam_vit.py
    python tools/train.py configs/mini/ovsam_coco_mini.py
    python tools/test.py configs/mini/ovsam_coco_mini.py
"""

from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import RandomFlip, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.evaluation.promptable import PromptableMetric
from ovsam.models.losses import ClassificationLoss
from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

with read_base():
    from .._base_.datasets.coco_4817 import coco_train_base, coco_val
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
    from .._base_.runtime import *
    from .._base_.schedules.mini import optim_wrapper, param_scheduler, train_cfg

method = "Open-Vocabulary SAM, 256 px, overfitted"
dataset_name = "COCO"
weights_root = "work_dirs/mini"
test_prompts = ("box", "center_point")
initial_weights = {
    "backbone": "clip_rn#image_encoder",
    "prompt_encoder": "sam_vit#prompt_encoder",
    "mask_decoder.decoder": "sam_vit#mask_decoder",
}

data_preprocessor.update(size=256)
classifier.update(vocabulary=dict(type=get_vocabulary, name="coco_48_17"))
neck.update(target_stride=16, width=128)
prompt_encoder.update(image_size=256)
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
    train_neck=True,
)

coco_train_base.update(
    cache_images=True,
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=ResizeLongSide, size=256),
        dict(type=RandomFlip, probability=0.5),
        dict(type=DrawPrompts, kind="mixed", num_boxes=12, num_points=4),
        dict(type=PackPromptInputs),
    ],
)
coco_val.update(
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=ResizeLongSide, size=256, keep_original_masks=True),
        dict(type=DrawPrompts, kind="box"),
        dict(type=PackPromptInputs),
    ],
)
train_dataloader = dict(
    dataset=coco_train_base,
    batch_size=4,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
val_dataloader = dict(
    dataset=coco_val,
    batch_size=4,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
val_evaluator = dict(type=PromptableMetric)
val_cfg = dict()
test_dataloader = val_dataloader
test_evaluator = val_evaluator
test_cfg = dict()

train_cfg.update(max_epochs=400)
param_scheduler[1].update(T_max=400)
default_hooks.checkpoint.update(interval=100)
find_unused_parameters = True  # no mask prompts, so what reads them gets no gradient
