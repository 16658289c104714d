"""Row "image-crop fusion": the trained Open-Vocabulary SAM, fused with CLIP's vector of an image crop.

Not the published method: CLIP encodes a crop for every prompt, so each prompt costs more. A crop does
not depend on the cells of the coarsest feature map, so small masks take part in the fusion too.

    python tools/test.py configs/mini/ovsam_image_crop.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.clip_regions import ImageCrop

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="-",
    row="fusion with an image crop",
    changes=["model.fusion"],
)
method = "Open-Vocabulary SAM, fused with image crops (not the published method)"
test_weights = "ovsam_rn"
model.fusion.merge(
    dict(skips_empty_masks=False, vectors=dict(_delete_=True, type=ImageCrop, aspect="context"))
)
