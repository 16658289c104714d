"""V3Det, LVIS and ImageNet-21k: boxes, masks and image labels.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
83.3 (25,898 classes, 13 M pictures), on data that are not named.
ImageNet here is all that the tree has: timm lists 21,843 synsets.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/v3det_lvis_imagenet21k.py --gpus 8
    python tools/test.py configs/large_vocabulary/v3det_lvis_imagenet21k.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.large_vocabulary import imagenet21k_labels
    from .v3det_lvis import *

SHARED = "v3det+lvis_v1+imagenet21k"
model.classifier.vocabulary.update(name=SHARED)
train_dataloader.dataset.update(shared=SHARED, pictures=dict(imagenet21k=4))
train_dataloader.dataset.datasets.update(imagenet21k=imagenet21k_labels)
train_dataloader.sampler.update(batches=3 * BATCHES_OF_LVIS)
test_dataloader.dataset.update(shared=SHARED)
