"""What joint training has beside the masks of `shapes`: boxes of 1,235 classes, labels of 19,961.

Data: `python tools/prepare_data.py shapes_sources`. The samples have the labels of `shapes22k`.
"""

from mmengine.config import read_base

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.image_folders import ClassFolders
from ovsam.datasets.joint import JointDataset, joint_collate
from ovsam.datasets.joint_sampler import JointSampler
from ovsam.datasets.transforms.geometry import ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

with read_base():
    from .shapes import shapes_test, shapes_test_loader, shapes_train_base, shapes_train_base_loader

SHARED = "shapes22k"
ROOT = "data/shapes_sources"

masks_source = dict(shapes_train_base, shared=SHARED)
boxes_source = dict(
    type=CocoPromptDataset,
    data_root=ROOT,
    ann_file="annotations/boxes.json",
    data_prefix=dict(img="images/boxes"),
    vocabulary="shapes_boxes",
    shared=SHARED,
    with_masks=False,
    cache_images=True,
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=ResizeLongSide, size=192),
        dict(type=DrawPrompts, kind="box", num_prompts=5),
        dict(type=PackPromptInputs),
    ],
)
# Pictures of one thing need no large square: many of them cost as much as one scene.
labels_source = dict(
    type=ClassFolders,
    data_root=ROOT + "/labels",
    vocabulary="shapes_labels",
    shared=SHARED,
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=DrawPrompts, kind="box"),
        dict(type=PackPromptInputs, square=96),
    ],
)
joint_loader = dict(
    shapes_train_base_loader,
    dataset=dict(type=JointDataset),
    sampler=dict(type=JointSampler),
    collate_fn=dict(type=joint_collate),
)

# Classes that have image labels only: in scenes, and alone in pictures like those of training.
probe = dict(
    shapes_test,
    data_root=ROOT,
    ann_file="annotations/probe.json",
    data_prefix=dict(img="images/probe"),
    vocabulary="shapes_labels",
    keep="all",
)
alone = dict(
    probe,
    ann_file="annotations/alone.json",
    data_prefix=dict(img="images/alone"),
    with_masks=False,
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=ResizeLongSide, size=96, keep_original_masks=True),
        dict(type=DrawPrompts, kind="box"),
        dict(type=PackPromptInputs),  # masks need the model's own square
    ],
)
probe_loader = dict(shapes_test_loader, dataset=probe)
alone_loader = dict(shapes_test_loader, dataset=alone)
