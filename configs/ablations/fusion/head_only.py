"""Row "region head only": the region head names alone, without CLIP's vector.

Not in the paper.

    python tools/test.py configs/ablations/fusion/head_only.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="fusion",
    row="region head only",
    changes=["model.fusion"],
)
method = "Open-Vocabulary SAM, region head only"
test_weights = "ovsam_rn50x16_coco48_12e"
model.update(fusion=None)
