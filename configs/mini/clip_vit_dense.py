"""A small CLIP ViT for the semantic models, trained contrastively by its dense map.

The dense map of `clip_vit`, whose class token was trained on crops of one object, says nothing of use on
whole pictures. This one contrasts patches of whole pictures with all 80 names, from random weights, and
embeds them by convolutions. Ends with its zero-shot accuracy on the regions of the validation boxes.

    python tools/train.py configs/mini/clip_vit_dense.py
"""

from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.hooks import CheckpointHook
from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

from ovsam.datasets.boxed_pictures import BoxedPictureDataset
from ovsam.datasets.samplers import EvenSampler
from ovsam.evaluation.zero_shot import ZeroShotAccuracy
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip

with read_base():
    from .._base_.models.mini_semantic import dense_clip, semantic_template, semantic_vocabulary
    from .._base_.runtime import *

method = "Small dense CLIP"
dataset_name = "shapes"
weights_root = "work_dirs/mini"

model = dict(
    type=DenseContrastiveClip,
    data_preprocessor=dict(type=PromptDataPreprocessor, size=96),
    backbone=dense_clip,
    vocabulary=semantic_vocabulary,
    template=semantic_template,
)

train_dataloader = dict(
    dataset=dict(
        type=BoxedPictureDataset,
        annotation_file="data/shapes/annotations/instances_train.json",
        image_folder="data/shapes/images/train",
        size=96,
        is_augmented=True,
        mosaic=0.7,  # almost three times as many objects as in a picture: a faster start, a worse end
        mosaic_epochs=2,
    ),
    batch_size=8,  # at equal cost more steps teach shapes sooner than more pictures
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
val_dataloader = dict(
    dataset=dict(
        type=BoxedPictureDataset,
        annotation_file="data/shapes/annotations/instances_val.json",
        image_folder="data/shapes/images/val",
        size=96,
    ),
    batch_size=50,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
val_evaluator = dict(type=ZeroShotAccuracy)
val_cfg = dict()

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.02, by_epoch=False, end=50),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, T_max=8, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=8, val_interval=8)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=2, max_keep_ckpts=1))
# The last block's queries and keys take no part in a dense map, nor does CLIP's own temperature.
find_unused_parameters = True
