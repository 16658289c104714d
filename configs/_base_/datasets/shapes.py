"""The embedded benchmark `shapes` at 128 px: pipelines, data sets and loaders of every stage.

Data: `python tools/prepare_data.py shapes`. Of the 80 classes 48 are base, 17 novel, 15 unused.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import RandomFlip, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

# Boxes and random points on instances drawn at random, in the published proportion of about 1 to 1.
shapes_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=128),
    dict(type=RandomFlip, probability=0.5),
    dict(type=DrawPrompts, kind="mixed", num_boxes=2, num_points=2),
    dict(type=PackPromptInputs),
]
shapes_distill_pipeline = [
    dict(type=LoadImage),
    dict(type=ResizeLongSide, size=128),
    dict(type=PackPromptInputs),
]
shapes_test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=128, keep_original_masks=True),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]

# Annotations of the base classes only: CLIP2SAM.
shapes_train_base = dict(
    type=CocoPromptDataset,
    data_root="data/shapes",
    ann_file="annotations/instances_train.json",
    data_prefix=dict(img="images/train"),
    vocabulary="shapes",
    keep="base",
    cache_images=True,
    pipeline=shapes_train_pipeline,
)
# All masks, whatever their class: the small SAM, which never reads a label.
shapes_train_all = dict(
    type=CocoPromptDataset,
    data_root="data/shapes",
    ann_file="annotations/instances_train.json",
    data_prefix=dict(img="images/train"),
    vocabulary="shapes",
    keep="all",
    cache_images=True,
    indices=3200,  # two passes over more would not fit into the quickstart's minutes
    pipeline=shapes_train_pipeline,
)
# Images alone, in SA-1B's layout: SAM2CLIP.
shapes_distill = dict(
    type=Sa1bDataset,
    data_root="data/shapes/sa1b",
    cache_images=True,
    pipeline=shapes_distill_pipeline,
)
shapes_val = dict(
    type=CocoPromptDataset,
    data_root="data/shapes",
    ann_file="annotations/instances_val.json",
    data_prefix=dict(img="images/val"),
    vocabulary="shapes",
    keep="evaluated",
    test_mode=True,
    pipeline=shapes_test_pipeline,
)
shapes_test = dict(
    type=CocoPromptDataset,
    data_root="data/shapes",
    ann_file="annotations/instances_test.json",
    data_prefix=dict(img="images/test"),
    vocabulary="shapes",
    keep="evaluated",
    test_mode=True,
    pipeline=shapes_test_pipeline,
)

# A sample costs 1 to 2 ms, less than to send it from a worker process: none are used.
shapes_train_base_loader = dict(
    dataset=shapes_train_base,
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
# From scratch, steps count for more than pictures: more of them a step learn less in the same time.
shapes_train_all_loader = dict(
    dataset=shapes_train_all,
    batch_size=4,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
shapes_distill_loader = dict(
    dataset=shapes_distill,
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
shapes_val_loader = dict(
    dataset=shapes_val,
    batch_size=25,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
shapes_test_loader = dict(
    dataset=shapes_test,
    batch_size=25,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
