"""ImageNet-21k alone: image labels.

Source: Yuan et al., Open-Vocabulary SAM (ECCV 2024), supplement S1.3 and Table 5. Published accuracy:
44.5 (19,167 classes, 13 M pictures), on data that are not named.
ImageNet here is all that the tree has: timm lists 21,843 synsets.
Needs the neck of configs/sam2clip, or the authors' (configs/ovsam/README.md).

    tools/launch.sh train configs/large_vocabulary/imagenet21k.py --gpus 8
    python tools/test.py configs/large_vocabulary/imagenet21k.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import get_vocabulary

with read_base():
    from .._base_.datasets.large_vocabulary import (
        BATCHES_OF_LVIS,
        imagenet21k_labels,
        joint_loader,
    )
    from .._base_.large_vocabulary import *

model.classifier.update(vocabulary=dict(type=get_vocabulary, name="imagenet21k"))
# No masks: the decoder stays SAM's, only the head learns.
model.update(mask_loss=None)

train_dataloader = joint_loader
train_dataloader.dataset.update(
    datasets=dict(
        imagenet21k=imagenet21k_labels,
    ),
    pictures=dict(imagenet21k=4),
)
train_dataloader.sampler.update(batches=BATCHES_OF_LVIS)
