"""Joint training: masks of 48 classes and image labels of 19,961.

python tools/prepare_data.py shapes_sources
python tools/train.py configs/mini/joint_labels.py
python tools/test.py configs/mini/joint_labels.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.mini_joint import *

method = "Open-Vocabulary SAM, masks and image labels"
model.classifier.update(
    vocabulary=dict(type=learnt_from, name="shapes22k", lists=["shapes", "shapes_labels"])
)
train_dataloader.dataset.update(
    datasets=dict(masks=masks_source, labels=labels_source),
    weights=dict(masks=175, labels=312),
    pictures=dict(labels=8),
)
train_dataloader.sampler.update(batches=487)
