"""Row "box of the prompt": the head reads the prompt's box, as in the paper, not the predicted mask's
box, as released.

Not in the paper.

    python tools/test.py configs/ablations/roi_box/prompt.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="roi box",
    row="box of the prompt",
    changes=["model.roi_box"],
)
method = "Open-Vocabulary SAM, box of the prompt"
test_weights = "ovsam_rn50x16_coco48_12e"
model.update(roi_box="prompt")
