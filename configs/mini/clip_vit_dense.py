"""A small CLIP ViT for the semantic models, trained contrastively through its dense map.

The dense map of `clip_vit` is useless on whole pictures, because its class token was trained on crops of
single objects. This model contrasts patches of whole pictures with all 80 names, from random weights,
and embeds patches with convolutions. Ends with the zero-shot accuracy on regions of validation boxes.

    python tools/train.py configs/mini/clip_vit_dense.py
"""

from mmengine.config import read_base
from mmengine.hooks import CheckpointHook

from ovsam.datasets.boxed_pictures import BoxedPictureDataset
from ovsam.evaluation.zero_shot import ZeroShotAccuracy
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip

with read_base():
    from .._base_.loaders import eval_loader, train_loader
    from .._base_.models.mini_semantic import dense_clip, semantic_template, semantic_vocabulary
    from .._base_.runtime import *
    from .._base_.schedules.contrastive import optim_wrapper, param_scheduler, train_cfg

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
    train_loader,
    dataset=dict(
        type=BoxedPictureDataset,
        annotation_file="data/shapes/annotations/instances_train.json",
        image_folder="data/shapes/images/train",
        size=96,
        is_augmented=True,
        mosaic=0.7,  # almost three times as many objects: training starts faster but ends worse
        mosaic_epochs=2,
    ),
    batch_size=8,  # at equal cost, more steps teach shapes sooner than larger batches
)
val_dataloader = dict(
    eval_loader,
    dataset=dict(
        type=BoxedPictureDataset,
        annotation_file="data/shapes/annotations/instances_val.json",
        image_folder="data/shapes/images/val",
        size=96,
    ),
    batch_size=50,
)
val_evaluator = dict(type=ZeroShotAccuracy)
val_cfg = dict()

optim_wrapper.optimizer.update(lr=1e-3)
param_scheduler[1].update(T_max=8)
train_cfg.update(max_epochs=8, val_interval=8)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=2, max_keep_ckpts=1))
# A dense map uses neither the last block's queries and keys nor CLIP's temperature.
find_unused_parameters = True
