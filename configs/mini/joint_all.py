"""Joint training: masks of the 48 base classes, boxes of 1,235 classes and image labels of 19,961.

python tools/train.py configs/mini/joint_all.py
python tools/test.py configs/mini/joint_all.py
"""

from mmengine.config import read_base

from ovsam.datasets.shared_labels import learnt_from

with read_base():
    from .._base_.datasets.shapes_sources import boxes_source, joint_loader, labels_source, masks_source
    from .ovsam_rn import *

method = "masks, boxes and image labels"
model.classifier.update(
    vocabulary=dict(
        type=learnt_from, name="shapes22k", lists=["shapes", "shapes_boxes", "shapes_labels"]
    )
)
train_dataloader = joint_loader
train_dataloader.dataset.update(
    datasets=dict(masks=masks_source, boxes=boxes_source, labels=labels_source),
    weights=dict(masks=349, boxes=75, labels=78),
    pictures=dict(labels=8),
)
train_dataloader.sampler.update(batches=502)
test_prompts = ("box", "vocabulary")
test_vocabulary = dict(names="shapes22k", sizes=(80, 1203, 13204, "all"), seed=0, parents="shapes")
