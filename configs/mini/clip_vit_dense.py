"""A small CLIP ViT for the semantic models: its dense map is what is trained, on captions alone.

The dense map of `clip_vit`, whose class token was trained on crops of one object, says nothing of use on
whole pictures. Ends with its zero-shot accuracy on crops of the validation boxes.

    python tools/train.py configs/mini/clip_vit_dense.py
"""

from mmengine.config import read_base

from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip

with read_base():
    from .._base_.models.mini_semantic import semantic_template, semantic_vocabulary
    from .clip_rn import *

method = "Small dense CLIP"
model = dict(
    type=DenseContrastiveClip,
    data_preprocessor=dict(type=PromptDataPreprocessor, size=48),
    backbone=dict(type=DenseClip, architecture="shapes-vit", image_size=48),
    vocabulary=semantic_vocabulary,
    template=semantic_template,
)
# Windows of 64 px at three quarters of their size, as the semantic models see pictures of 128 px; half
# of all items are larger views of one object.
train_dataloader.dataset.update(
    crop_size=48, window_side=64, window_fraction=0.5, context_range=(0.95, 2.0)
)
train_dataloader.update(batch_size=64)
train_cfg.update(max_epochs=4, val_interval=4)
param_scheduler[1].update(T_max=4)
default_hooks.checkpoint.update(interval=2)
val_dataloader.dataset.update(crop_size=48, margin=0.2)
# The last block's queries and keys take no part in a dense map.
find_unused_parameters = True
