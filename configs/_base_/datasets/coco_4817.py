"""COCO 2017 with the open-vocabulary split (48 base, 17 novel classes) at 1024 px: CLIP2SAM's data.

Source: Open-Vocabulary SAM, section 4 and its released recipe: flip 0.5, resize ratio 0.9-2.0, crop,
21 boxes and 19 points per image.

Data: `python tools/prepare_data.py coco` checks them and says where they are from.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import RandomFlip, RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

coco_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=RandomFlip, probability=0.5),
    dict(type=RandomResizeCrop, size=1024, ratio_range=(0.9, 2.0), min_mask_area=32),
    dict(type=DrawPrompts, kind="mixed", num_boxes=21, num_points=19),
    dict(type=PackPromptInputs),
]
coco_test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=1024, keep_original_masks=True),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]

coco_train_base = dict(
    type=CocoPromptDataset,
    data_root="data/coco",
    ann_file="annotations/instances_train2017.json",
    data_prefix=dict(img="train2017"),
    vocabulary="coco_48_17",
    keep="base",
    pipeline=coco_train_pipeline,
)
coco_val = dict(
    type=CocoPromptDataset,
    data_root="data/coco",
    ann_file="annotations/instances_val2017.json",
    data_prefix=dict(img="val2017"),
    vocabulary="coco_48_17",
    keep="evaluated",
    test_mode=True,
    pipeline=coco_test_pipeline,
)

coco_train_base_loader = dict(
    dataset=coco_train_base,
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
coco_val_loader = dict(
    dataset=coco_val,
    batch_size=1,
    num_workers=4,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
