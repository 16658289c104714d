"""Baseline Feature-Crop: the small SAM's mask, and CLIP's features of the whole picture in the box.

python tools/test.py configs/mini/feature_crop.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import FeatureCrop

with read_base():
    from .image_crop import *

ablation = dict(parent="mini/image_crop.py", table="main", row="Feature-Crop", changes=["model.vectors"])
method = "Feature-Crop"
model.merge(dict(vectors=dict(_delete_=True, type=FeatureCrop)))
