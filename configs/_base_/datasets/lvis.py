"""LVIS v1 (866 base, 337 novel = rare classes) at 1024 px: CLIP2SAM's data.

Source: Open-Vocabulary SAM, its released recipe: resize ratio 0.1-2.0; the rest in `promptable`.

Data: `python tools/prepare_data.py lvis` writes the training file without rare classes. The images are
COCO 2017's; LVIS's val split draws on both COCO folders.
"""

from mmengine.config import read_base

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.transforms.geometry import RandomResizeCrop

with read_base():
    from .promptable import draw_and_pack, load_and_flip, test_pipeline, train_loader, val_loader

lvis_train_pipeline = [
    *load_and_flip,
    dict(type=RandomResizeCrop, size=1024, ratio_range=(0.1, 2.0), min_mask_area=32),
    *draw_and_pack,
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
    pipeline=test_pipeline,
)

lvis_train_base_loader = dict(dataset=lvis_train_base, **train_loader)
lvis_val_loader = dict(dataset=lvis_val, **val_loader)
