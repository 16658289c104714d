"""Row "head only": the trained Open-Vocabulary SAM without CLIP's vector.

python tools/test.py configs/mini/ovsam_head.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

ablation = dict(parent="mini/ovsam_rn.py", table="7", row="region head only", changes=["model.fusion"])
method = "Open-Vocabulary SAM, head only"
test_weights = "ovsam_rn"
model.update(fusion=None)
