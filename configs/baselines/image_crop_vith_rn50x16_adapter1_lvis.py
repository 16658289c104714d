"""`image_crop_vith_rn50x16_adapter1` on LVIS v1: 866 base and 337 rare (novel) classes.

Source: Yuan et al., Open-Vocabulary SAM, main table and table 1. Published, ground-truth boxes:
IoU_b 80.1, IoU_n 82.0, Acc 32.1; centre points: 58.9, 64.2, 8.3.

    tools/launch.sh train configs/baselines/image_crop_vith_rn50x16_adapter1_lvis.py --gpus 8
    python tools/test.py configs/baselines/image_crop_vith_rn50x16_adapter1_lvis.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.lvis import lvis_train_base_loader, lvis_val_loader
    from .image_crop_vith_rn50x16_adapter1 import *

dataset_name = "LVIS"
model.classifier.update(vocabulary=dict(type=get_vocabulary, name="lvis_v1"))
train_dataloader = lvis_train_base_loader
val_dataloader = lvis_val_loader
test_dataloader = val_dataloader
