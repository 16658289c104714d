"""LVIS v1 alone: masks of all 1,203 classes.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
83.1 (1,203 classes, 99 k pictures), on data that are not named.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/lvis.py --gpus 8
    python tools/test.py configs/large_vocabulary/lvis.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.large_vocabulary import (
        BATCHES_OF_LVIS,
        joint_loader,
        lvis_masks,
    )
    from .._base_.large_vocabulary import *

model.classifier.update(vocabulary=dict(type=get_vocabulary, name="lvis_v1"))

train_dataloader = joint_loader
train_dataloader.dataset.update(
    datasets=dict(
        lvis=lvis_masks,
    ),
)
train_dataloader.sampler.update(batches=BATCHES_OF_LVIS)
test_prompts = ("box", "vocabulary")
