"""The embedded benchmark `shapes` at 192 px: pipelines, data sets and loaders of every stage.

Data: `python tools/prepare_data.py shapes`. 48 of the 80 classes are base, 17 novel, 15 unused.
"""

from mmengine.config import read_base

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.transforms.geometry import RandomFlip, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.datasets.web_pictures import WebScenes

with read_base():
    from ..loaders import eval_loader, train_loader

# Boxes and random points on randomly drawn instances.
shapes_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=192),
    dict(type=DrawPrompts, kind="mixed", num_boxes=3, num_points=2),
    dict(type=PackPromptInputs),
]
# The decoder is cheap beside the encoder, so every picture brings many prompts.
shapes_masks_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=RandomFlip, probability=0.5),
    dict(type=DrawPrompts, kind="mixed", num_boxes=6, num_points=6),
    dict(type=PackPromptInputs),
]
shapes_distill_pipeline = [
    dict(type=LoadImage),
    dict(type=ResizeLongSide, size=192),
    dict(type=PackPromptInputs),
]
shapes_test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=192, keep_original_masks=True),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]

# Annotations of the base classes only, for CLIP2SAM.
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
# Masks of things of any look, without classes, for the small SAM.
shapes_masks = dict(type=WebScenes, num_pictures=2000, pipeline=shapes_masks_pipeline)
# The first 500 of these pictures, without their annotations, for SAM2CLIP.
shapes_train_images = dict(shapes_train_base, indices=500, pipeline=shapes_distill_pipeline)
# Images alone, in SA-1B's layout.
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
    shapes_val,
    ann_file="annotations/instances_test.json",
    data_prefix=dict(img="images/test"),
)

# Many small steps teach more than few large ones.
shapes_train_base_loader = dict(train_loader, dataset=shapes_train_base, batch_size=8)
shapes_masks_loader = dict(train_loader, dataset=shapes_masks, batch_size=4)
shapes_images_loader = dict(train_loader, dataset=shapes_train_images, batch_size=2)
shapes_distill_loader = dict(train_loader, dataset=shapes_distill, batch_size=4)
shapes_val_loader = dict(eval_loader, dataset=shapes_val, batch_size=25)
shapes_test_loader = dict(eval_loader, dataset=shapes_test, batch_size=25)
