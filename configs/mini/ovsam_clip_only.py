"""Row "CLIP only": CLIP's vector alone names a mask that covers a cell of CLIP's feature map.

python tools/test.py configs/mini/ovsam_clip_only.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="fusion",
    row="CLIP only",
    changes=["model.fusion.base_weight", "model.fusion.novel_weight"],
)
method = "Open-Vocabulary SAM, CLIP only"
test_weights = "ovsam_rn"
model.fusion.update(base_weight=1.0, novel_weight=1.0)
