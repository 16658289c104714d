"""Open-Vocabulary SAM on LVIS v1: CLIP2SAM at full size, trained without the 337 rare classes.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), section 3.3, main table of the project page, row
Open-Vocabulary SAM. Published, ground-truth boxes: IoU_b 80.4, IoU_n 83.1, Acc 66.6; centre points:
63.6, 67.9, 60.4. Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/ovsam/ovsam_rn50x16_lvis_12e.py --gpus 8
    python tools/test.py configs/ovsam/ovsam_rn50x16_lvis_12e.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.lvis import lvis_train_base_loader, lvis_val_loader
    from .._base_.ovsam import *

dataset_name = "LVIS"
model.classifier.update(vocabulary=dict(type=get_vocabulary, name="lvis_v1"))

train_dataloader = lvis_train_base_loader
val_dataloader = lvis_val_loader
test_dataloader = val_dataloader
