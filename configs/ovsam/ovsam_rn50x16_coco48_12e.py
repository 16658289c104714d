"""Open-Vocabulary SAM on COCO 48/17: CLIP2SAM at full size, trained on the 48 base classes.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), section 3.3, main table of the project page, row
Open-Vocabulary SAM. Published, ground-truth boxes: IoU_b 81.5, IoU_n 84.0, Acc 84.3; centre points:
68.4, 65.2, 76.7. Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/ovsam/ovsam_rn50x16_coco48_12e.py --gpus 8
    python tools/test.py configs/ovsam/ovsam_rn50x16_coco48_12e.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.coco_4817 import coco_train_base_loader, coco_val_loader
    from .._base_.ovsam import *

dataset_name = "COCO"
train_dataloader = coco_train_base_loader
val_dataloader = coco_val_loader
test_dataloader = val_dataloader
