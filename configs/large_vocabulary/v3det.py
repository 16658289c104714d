"""V3Det alone: boxes of 13,204 classes.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
78.7 (13,204 classes, 183 k pictures), on data that are not named.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/v3det.py --gpus 8
    python tools/test.py configs/large_vocabulary/v3det.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.large_vocabulary import (
        BATCHES_OF_LVIS,
        joint_loader,
        v3det_boxes,
    )
    from .._base_.large_vocabulary import *

model.classifier.update(vocabulary=dict(type=get_vocabulary, name="v3det"))
# No masks: the decoder stays SAM's, only the head learns.
model.update(mask_loss=None)

train_dataloader = joint_loader
train_dataloader.dataset.update(
    datasets=dict(
        v3det=v3det_boxes,
    ),
)
train_dataloader.sampler.update(batches=BATCHES_OF_LVIS)
