"""`sam_vith` on LVIS v1: 866 base and 337 rare (novel) classes.

Source: Yuan et al., Open-Vocabulary SAM, table S2, where labels and boxes are a detector's.

    python tools/test.py configs/baselines/sam_vith_lvis.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.lvis import lvis_val_loader
    from .sam_vith import *

dataset_name = "LVIS"
val_dataloader = lvis_val_loader
test_dataloader = val_dataloader
