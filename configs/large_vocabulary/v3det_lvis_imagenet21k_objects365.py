"""V3Det, LVIS, ImageNet-21k and Objects365.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
83.0 (25,970 classes, 15 M pictures), on data that are not named.
ImageNet here is all that the tree has: timm lists 21,843 synsets.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/v3det_lvis_imagenet21k_objects365.py --gpus 8
    python tools/test.py configs/large_vocabulary/v3det_lvis_imagenet21k_objects365.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.large_vocabulary import (
        BATCHES_OF_LVIS,
        imagenet21k_labels,
        joint_loader,
        lvis_masks,
        objects365_boxes,
        v3det_boxes,
    )
    from .._base_.large_vocabulary import *

SHARED = "v3det+lvis_v1+imagenet21k+objects365"
model.classifier.update(vocabulary=dict(type=get_vocabulary, name=SHARED))

train_dataloader = joint_loader
train_dataloader.dataset.update(
    datasets=dict(
        lvis=dict(lvis_masks, shared=SHARED),
        v3det=dict(v3det_boxes, shared=SHARED),
        imagenet21k=dict(imagenet21k_labels, shared=SHARED),
        objects365=dict(objects365_boxes, shared=SHARED),
    ),
    pictures=dict(imagenet21k=4),
)
train_dataloader.sampler.update(batches=4 * BATCHES_OF_LVIS)
test_dataloader.dataset.update(shared=SHARED)
test_prompts = ("box", "vocabulary")
