"""`joint_masks` on things with image labels only, in scenes, out of all 24,000 names.

python tools/test.py configs/mini/joint_masks_scenes.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.shapes_sources import probe_loader
    from .joint_masks import *

dataset_name = "shapes scenes of labels"
test_weights = "shapes_ovsam"
test_dataloader = probe_loader
test_prompts = ("vocabulary",)
test_vocabulary = dict(names="shapes22k", sizes=("all",), seed=0, parents="shapes")
