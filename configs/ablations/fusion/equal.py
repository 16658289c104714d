"""Row "0.5 base, 0.5 novel": region head and CLIP have equal weight for all classes.

Not in the paper.

    python tools/test.py configs/ablations/fusion/equal.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="fusion",
    row="0.5 base, 0.5 novel",
    changes=["model.fusion.base_weight", "model.fusion.novel_weight"],
)
method = "Open-Vocabulary SAM, 0.5 base, 0.5 novel"
test_weights = "ovsam_rn50x16_coco48_12e"
model.fusion.update(base_weight=0.5, novel_weight=0.5)
