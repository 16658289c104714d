"""Joint training in miniature: the released model goes on, with boxes and image labels beside masks.

One epoch. A config gives the sources and how many batches each has; names are tested out of all 24,000,
in the softmax of training are those that the sources have.
"""

from mmengine.config import read_base

from ovsam.datasets.shared_labels import learnt_from

with read_base():
    from ..mini.ovsam_rn import *
    from .datasets.shapes_sources import boxes_source, joint_loader, labels_source, masks_source

initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "classifier.text_encoder": "shapes_clip_rn#text_encoder",
    "neck": "shapes_ovsam#neck",
    "prompt_encoder": "shapes_sam#prompt_encoder",
    "mask_decoder": "shapes_ovsam#mask_decoder",
    "pyramid": "shapes_ovsam#pyramid",
    "region_head": "shapes_ovsam#region_head",
}
train_dataloader = joint_loader
train_cfg.update(max_epochs=1)
param_scheduler[1].update(T_max=1)
# The decoder has learnt its masks; few batches have any, and at its first rate it would lose them.
optim_wrapper.paramwise_cfg.update(custom_keys={"mask_decoder": dict(lr_mult=0.02)})

test_prompts = ("box", "vocabulary")
test_vocabulary = dict(names="shapes22k", sizes=(80, 1203, 13204, "all"), seed=0, parents="shapes")

# A part of the test pictures: every row is named out of four lists.
test_dataloader.dataset.update(indices=400)
