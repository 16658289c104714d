"""`joint_masks` on things with image labels only, alone in pictures, out of all 24,000 names.

python tools/test.py configs/mini/joint_masks_alone.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.shapes_sources import alone_loader
    from .joint_masks import *

dataset_name = "shapes pictures of labels"
test_weights = "shapes_ovsam"
test_dataloader = alone_loader
test_prompts = ("vocabulary",)
test_vocabulary = dict(names="shapes22k", sizes=("all",), seed=0, parents="shapes")
