"""Joint training: masks of 48 classes and boxes of 1,235.

python tools/prepare_data.py shapes_sources
python tools/train.py configs/mini/joint_boxes.py
python tools/test.py configs/mini/joint_boxes.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.mini_joint import *

method = "Open-Vocabulary SAM, masks and boxes"
model.classifier.update(
    vocabulary=dict(type=learnt_from, name="shapes22k", lists=["shapes", "shapes_boxes"])
)
train_dataloader.dataset.update(
    datasets=dict(masks=masks_source, boxes=boxes_source),
    weights=dict(masks=175, boxes=100),
)
train_dataloader.sampler.update(batches=275)
