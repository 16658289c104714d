"""A small CLIP ViT for the semantic models, trained contrastively through its dense map.

The dense map of `clip_vit` is useless on whole pictures: its class token has read everything before the
last block. This model sees pictures of the web with captions, as the small CLIP did, and no box. It
reads them through the small CLIP's own first stages and names them with its text tower; both stay
frozen. Ends with the zero-shot accuracy on regions of validation boxes.

    python tools/train.py configs/mini/clip_vit_dense.py
"""

from mmengine.config import read_base
from mmengine.hooks import CheckpointHook

from ovsam.datasets.boxed_pictures import BoxedPictureDataset
from ovsam.datasets.web_pictures import WebPictures
from ovsam.evaluation.zero_shot import ZeroShotAccuracy
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip
from ovsam.models.text.templates import MINI_TEMPLATES

with read_base():
    from .._base_.loaders import eval_loader, train_loader
    from .._base_.models.mini_semantic import dense_clip, semantic_template, semantic_vocabulary
    from .._base_.runtime import *
    from .._base_.schedules.contrastive import optim_wrapper, param_scheduler, train_cfg

method = "Small dense CLIP"
dataset_name = "shapes"
weights_root = "work_dirs/mini"
initial_weights = {
    "backbone.text": "split_projections:shapes_clip_rn#text_encoder.text",
    **{
        f"backbone.visual.conv1.trunk.{part}": f"shapes_clip_rn#image_encoder.visual.{part}"
        for part in ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "layer1", "layer2", "layer3")
    },
}

model = dict(
    type=DenseContrastiveClip,
    data_preprocessor=dict(type=PromptDataPreprocessor, size=192),
    backbone=dense_clip,
    vocabulary=semantic_vocabulary,
    template=semantic_template,
)

train_dataloader = dict(
    train_loader,
    dataset=dict(
        type=WebPictures,
        num_pictures=16_000,
        size=192,
        templates=MINI_TEMPLATES,
        sides=(0.6, 1.0),
        common_share=0.65,
        world=4,
    ),
    batch_size=48,  # a name meets more pictures: better than 16 at equal cost
    num_workers=1,  # drawing takes somewhat less than a step
)
val_dataloader = dict(
    eval_loader,
    dataset=dict(
        type=BoxedPictureDataset,
        annotation_file="data/shapes/annotations/instances_val.json",
        image_folder="data/shapes/images/val",
    ),
    batch_size=50,
)
val_evaluator = dict(type=ZeroShotAccuracy)
val_cfg = dict()

optim_wrapper.optimizer.update(lr=4e-3)
optim_wrapper.update(clip_grad=dict(max_norm=1.0))
train_cfg.update(max_epochs=9, val_interval=3)
param_scheduler[1].update(T_max=9)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=1, max_keep_ckpts=1))
# A dense map does not use the last block's queries and keys.
find_unused_parameters = True
