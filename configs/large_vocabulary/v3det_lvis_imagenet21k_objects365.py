"""V3Det, LVIS, ImageNet-21k and Objects365.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
83.0 (25,970 classes, 15 M pictures), on data that are not named.
ImageNet here is all that the tree has: timm lists 21,843 synsets.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/v3det_lvis_imagenet21k_objects365.py --gpus 8
    python tools/test.py configs/large_vocabulary/v3det_lvis_imagenet21k_objects365.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.large_vocabulary import objects365_boxes
    from .v3det_lvis_imagenet21k import *

SHARED = "v3det+lvis_v1+imagenet21k+objects365"
model.classifier.vocabulary.update(name=SHARED)
train_dataloader.dataset.update(shared=SHARED)
train_dataloader.dataset.datasets.update(objects365=objects365_boxes)
train_dataloader.sampler.update(batches=4 * BATCHES_OF_LVIS)
test_dataloader.dataset.update(shared=SHARED)
