"""Baseline Feature-Crop: SAM ViT-H's mask, and CLIP RN50x16's features of the whole image in the box.

Source: Yuan et al., Open-Vocabulary SAM, section 3.1, main table. Published, COCO, ground-truth boxes:
IoU_b 78.1, IoU_n 81.4, Acc 55.1; centre points: accuracy 32.1. Nothing is trained.

    python tools/test.py configs/baselines/feature_crop_vith_rn50x16.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import FeatureCrop

with read_base():
    from .image_crop_vith_rn50x16 import *

method = "Feature-Crop"
model.merge(dict(vectors=dict(_delete_=True, type=FeatureCrop)))
