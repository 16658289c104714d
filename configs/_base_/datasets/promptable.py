"""CLIP2SAM's pipeline and loaders, shared by COCO and LVIS at 1024 px.

Source: Open-Vocabulary SAM, section 4 and its released recipe: flip 0.5, crop, 21 boxes and 19 points
per image. Differs in that the prompts of an image with more than 40 instances are drawn from all of
them, not from its first 40.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import RandomFlip, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

# Between these two steps each data set resizes and crops by its own range.
load_and_flip = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=RandomFlip, probability=0.5),
]
draw_and_pack = [
    dict(type=DrawPrompts, kind="mixed", num_boxes=21, num_points=19),
    dict(type=PackPromptInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=1024, keep_original_masks=True),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]

train_loader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
val_loader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
