"""`feature_crop_vith_rn50x16` on LVIS v1: 866 base and 337 rare (novel) classes.

Source: Yuan et al., Open-Vocabulary SAM, main table and table 1. Published, ground-truth boxes:
IoU_b 78.3, IoU_n 81.6, Acc 26.5; centre points: accuracy 11.0.

    python tools/test.py configs/baselines/feature_crop_vith_rn50x16_lvis.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.lvis import lvis_val_loader
    from .feature_crop_vith_rn50x16 import *

dataset_name = "LVIS"
model.classifier.update(vocabulary=dict(type=get_vocabulary, name="lvis_v1"))
val_dataloader = lvis_val_loader
test_dataloader = val_dataloader
