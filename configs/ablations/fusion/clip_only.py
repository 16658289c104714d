"""Row "CLIP only": CLIP's vector alone names a mask that covers a cell of CLIP's feature map.

Not in the paper.

    python tools/test.py configs/ablations/fusion/clip_only.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="fusion",
    row="CLIP only",
    changes=["model.fusion.base_weight", "model.fusion.novel_weight"],
)
method = "Open-Vocabulary SAM, CLIP only"
test_weights = "ovsam_rn50x16_coco48_12e"
model.fusion.update(base_weight=1.0, novel_weight=1.0)
