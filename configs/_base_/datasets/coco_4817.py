"""COCO 2017 with the open-vocabulary split (48 base, 17 novel classes) at 1024 px: CLIP2SAM's data.

Source: Open-Vocabulary SAM, its released recipe: resize ratio 0.9-2.0; the rest in `promptable`.

Data: `python tools/prepare_data.py coco` checks the files and says where to get them.
"""

from mmengine.config import read_base

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.transforms.geometry import RandomResizeCrop

with read_base():
    from .promptable import draw_and_pack, load_and_flip, test_pipeline, train_loader, val_loader

coco_train_pipeline = [
    *load_and_flip,
    dict(type=RandomResizeCrop, size=1024, ratio_range=(0.9, 2.0), min_mask_area=32),
    *draw_and_pack,
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
    pipeline=test_pipeline,
)

coco_train_base_loader = dict(dataset=coco_train_base, **train_loader)
coco_val_loader = dict(dataset=coco_val, **val_loader)
