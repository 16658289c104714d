"""`sam_vith_finetuned` on LVIS v1: 866 base and 337 rare (novel) classes.

Not in the paper; the counterpart of `sam_vith_finetuned`.

    tools/launch.sh train configs/baselines/sam_vith_finetuned_lvis.py --gpus 8
    python tools/test.py configs/baselines/sam_vith_finetuned_lvis.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.lvis import lvis_train_base_loader, lvis_val_loader
    from .sam_vith_finetuned import *

dataset_name = "LVIS"
train_dataloader = lvis_train_base_loader
val_dataloader = lvis_val_loader
test_dataloader = val_dataloader
