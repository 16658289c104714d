"""Baseline Feature-Crop: the small SAM's mask, named by CLIP's feature map of the whole picture, in the
mask's box.

python tools/test.py configs/mini/feature_crop.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import FeatureCrop

with read_base():
    from .image_crop import *

ablation = dict(parent="mini/image_crop.py", table="main", row="Feature-Crop", changes=["model.vectors"])
method = "Feature-Crop"
model.merge(dict(vectors=dict(_delete_=True, type=FeatureCrop)))
