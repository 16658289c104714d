"""Row "box of the prompt": the head reads the prompt's box, as in the paper, not the predicted mask's
box, as released.

    python tools/test.py configs/mini/ovsam_roi_box_prompt.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="roi box",
    row="box of the prompt",
    changes=["model.roi_box"],
)
method = "Open-Vocabulary SAM, box of the prompt"
test_weights = "ovsam_rn"
model.update(roi_box="prompt")
