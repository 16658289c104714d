"""Row "+ cls token": the label token classifies, without pyramid and region head.

Source: Yuan et al., Open-Vocabulary SAM, table 7 right. Published, COCO: IoU 81.3, Acc 79.3.

    tools/launch.sh train configs/ablations/table7/class_token.py --gpus 8
    python tools/test.py configs/ablations/table7/class_token.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="7",
    row="cls token",
    changes=["model.mask_decoder.label_classifies", "model.pyramid", "model.region_head"],
)
method = "Open-Vocabulary SAM, class token"
model.mask_decoder.update(label_classifies=True)
model.update(pyramid=None, region_head=None)
