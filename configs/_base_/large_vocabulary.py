"""Shared by the rows of Table 5: model and schedule of CLIP2SAM, tested on LVIS out of growing lists.

Tens of thousands of classes: gradients go to a sample of them, without bias.
"""

from mmengine.config import read_base

from ovsam.models.class_draws import SampledClassLoss

with read_base():
    from .datasets.large_vocabulary import lvis_val_loader
    from .ovsam import *

dataset_name = "LVIS"
model.update(class_loss=dict(type=SampledClassLoss))

val_dataloader = lvis_val_loader
test_dataloader = lvis_val_loader
test_prompts = ("vocabulary",)
# The paper does not say what it tests on. LVIS's classes are always offered, the rest is drawn.
test_vocabulary = dict(names="v3det+lvis_v1+imagenet21k+objects365", sizes=(1203, 13204, "all"), seed=0)
