"""Row "SAM2CLIP only": the small SAM's decoder on the distilled embedding, labels from CLIP's feature
crop.

Like `sam2clip_masks`, with names. Nothing is trained; needs stages a to c.

    python tools/test.py configs/mini/sam2clip_only.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop

with read_base():
    from .._base_.models.mini import classifier
    from .sam2clip_masks import *

method = "SAM2CLIP only"
initial_weights.update({"classifier.text_encoder": "clip_rn#text_encoder"})
model.update(classifier=classifier, fusion=dict(type=ClipFusion, vectors=dict(type=FeatureCrop)))
