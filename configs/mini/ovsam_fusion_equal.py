"""Row "0.5 base, 0.5 novel": region head and CLIP have equal weight for all classes.

python tools/test.py configs/mini/ovsam_fusion_equal.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="fusion",
    row="0.5 base, 0.5 novel",
    changes=["model.fusion.base_weight", "model.fusion.novel_weight"],
)
method = "Open-Vocabulary SAM, 0.5 base, 0.5 novel"
test_weights = "ovsam_rn"
model.fusion.update(base_weight=0.5, novel_weight=0.5)
