"""The released Open-Vocabulary SAM beside joint training: masks of 48 classes only, out of all names.

python tools/test.py configs/mini/joint_masks.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.mini_joint import *

method = "Open-Vocabulary SAM, masks only"
model.classifier.update(vocabulary=dict(type=learnt_from, name="shapes22k", lists=["shapes"]))
# What it would go on with; tested is the released model as it is.
train_dataloader.dataset.update(datasets=dict(masks=masks_source))
train_dataloader.sampler.update(batches=175)
test_weights = "shapes_ovsam"
