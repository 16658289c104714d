"""Row "as released" on LVIS: as `released/coco`, and regions of 7 x 7 although training used 12 x 12.

Source: the released code and configuration of Yuan et al., Open-Vocabulary SAM. Published, boxes: IoU_b
80.4, IoU_n 83.1, Acc 66.6; centre points: 63.6, 67.9, 60.4.

    python tools/test.py configs/ablations/released/lvis.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_lvis_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_lvis_12e.py",
    table="reproduction",
    row="as released (LVIS)",
    changes=["model.reference_point_box", "model.region_head.roi_size"],
)
method = "Open-Vocabulary SAM, as released"
test_weights = "ovsam_rn50x16_lvis_12e"
model.update(reference_point_box=True)
model.region_head.update(roi_size=7)
