"""V3Det and LVIS: boxes and masks.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
82.7 (13,844 classes, 282 k pictures), on data that are not named.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/v3det_lvis.py --gpus 8
    python tools/test.py configs/large_vocabulary/v3det_lvis.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.large_vocabulary import (
        BATCHES_OF_LVIS,
        joint_loader,
        lvis_masks,
        v3det_boxes,
    )
    from .._base_.large_vocabulary import *

SHARED = "v3det+lvis_v1"
model.classifier.update(vocabulary=dict(type=get_vocabulary, name=SHARED))

train_dataloader = joint_loader
train_dataloader.dataset.update(shared=SHARED, datasets=dict(lvis=lvis_masks, v3det=v3det_boxes))
train_dataloader.sampler.update(batches=2 * BATCHES_OF_LVIS)
test_dataloader.dataset.update(shared=SHARED)
test_prompts = ("box", "vocabulary")
