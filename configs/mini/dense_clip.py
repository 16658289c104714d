"""The small CLIP ViT alone as a semantic segmentor; CAT-Seg and ESC-Net start from it.

python tools/test.py configs/mini/dense_clip.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.dense_clip import DenseClipSegmentor

with read_base():
    from .._base_.mini_semantic import *
    from .._base_.models.mini_semantic import (
        clip_weights,
        dense_clip,
        semantic_preprocessor,
        semantic_template,
        semantic_vocabulary,
        whole_view,
    )

method = "Dense CLIP"
initial_weights = clip_weights

model = dict(
    type=DenseClipSegmentor,
    data_preprocessor=semantic_preprocessor,
    backbone=dense_clip,
    vocabulary=semantic_vocabulary,
    views=whole_view,
    template=semantic_template,
)
