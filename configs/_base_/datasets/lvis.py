"""LVIS v1 (866 base, 337 novel = rare classes) at 1024 px: CLIP2SAM's data.

Source: Open-Vocabulary SAM, section 4 and its released recipe: flip 0.5, resize ratio 0.1-2.0, crop,
21 boxes and 19 points per image. Differs in that the prompts of an image with more than 40 instances
are drawn from all of them, not from its first 40.

Data: `python tools/prepare_data.py lvis`, which makes the training file without rare classes. The images
are COCO 2017's, those of LVIS's val split from both of COCO's folders.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import RandomFlip, RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

lvis_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=RandomFlip, probability=0.5),
    dict(type=RandomResizeCrop, size=1024, ratio_range=(0.1, 2.0), min_mask_area=32),
    dict(type=DrawPrompts, kind="mixed", num_boxes=21, num_points=19),
    dict(type=PackPromptInputs),
]
lvis_test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=ResizeLongSide, size=1024, keep_original_masks=True),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]

lvis_train_base = dict(
    type=CocoPromptDataset,
    data_root="data",
    ann_file="lvis/annotations/lvis_v1_train_norare.json",
    data_prefix=dict(img="coco"),
    vocabulary="lvis_v1",
    keep="base",
    pipeline=lvis_train_pipeline,
)
lvis_val = dict(
    type=CocoPromptDataset,
    data_root="data",
    ann_file="lvis/annotations/lvis_v1_val.json",
    data_prefix=dict(img="coco"),
    vocabulary="lvis_v1",
    keep="evaluated",
    test_mode=True,
    pipeline=lvis_test_pipeline,
)

lvis_train_base_loader = dict(
    dataset=lvis_train_base,
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
lvis_val_loader = dict(
    dataset=lvis_val,
    batch_size=1,
    num_workers=4,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
