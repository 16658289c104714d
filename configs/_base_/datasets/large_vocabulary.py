"""Sources of joint training: masks (LVIS), boxes (V3Det, Objects365), image labels (ImageNet-21k).

Source: Open-Vocabulary SAM, supplement S1.3: one data set per batch, weighted sampling, an image label
is one prompt whose box is the picture. Not published, so ours: the weights (each data set as often as
the others), the batches of an epoch (each as many as LVIS has), small pictures for image labels.

Data: see data/README.md, "Boxes and image labels".
"""

from mmengine.config import read_base

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.detection import Objects365Dataset, V3DetDataset
from ovsam.datasets.image_folders import ClassFolders
from ovsam.datasets.joint import JointDataset, joint_collate
from ovsam.datasets.joint_sampler import JointSampler
from ovsam.datasets.transforms.geometry import RandomFlip, RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

with read_base():
    from .lvis import lvis_train_pipeline, lvis_val_loader
    from .promptable import draw_and_pack, load_and_flip, train_loader

BATCHES_OF_LVIS = 6_200  # 99,388 pictures with annotations, 16 a step

boxes_pipeline = [
    *load_and_flip,
    dict(type=RandomResizeCrop, size=1024, ratio_range=(0.1, 2.0), min_mask_area=32),
    *draw_and_pack,
]
# 512 px: a quarter of the cost, so a place of a batch has four pictures.
labels_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=RandomFlip, probability=0.5),
    dict(type=ResizeLongSide, size=512),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs, square=512),
]

lvis_masks = dict(
    type=CocoPromptDataset,
    data_root="data",
    ann_file="lvis/annotations/lvis_v1_train.json",
    data_prefix=dict(img="coco"),
    vocabulary="lvis_v1",
    keep="all",
    pipeline=lvis_train_pipeline,
)
v3det_boxes = dict(
    type=V3DetDataset,
    data_root="data/v3det",
    ann_file="annotations/v3det_2023_v1_train.json",
    data_prefix=dict(img=""),
    on_error="skip",
    pipeline=boxes_pipeline,
)
objects365_boxes = dict(
    type=Objects365Dataset,
    data_root="data/objects365",
    ann_file="annotations/zhiyuan_objv2_train.json",
    data_prefix=dict(img="train"),
    on_error="skip",
    pipeline=boxes_pipeline,
)
imagenet21k_labels = dict(
    type=ClassFolders,
    data_root="data/imagenet21k",
    vocabulary="imagenet21k",
    on_error="skip",
    pipeline=labels_pipeline,
)
joint_loader = dict(
    train_loader,
    dataset=dict(type=JointDataset),
    sampler=dict(type=JointSampler),
    collate_fn=dict(type=joint_collate),
)
