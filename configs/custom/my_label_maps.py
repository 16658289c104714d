"""Your own label maps: CAT-Seg of the miniature, trained further on any pictures with PNG label maps.

Copy this file and write your class names and folders into it. The model starts from what
`make semantic` has trained. A label map is a PNG of 8 or 16 bits, with or without a palette. A pixel's
value is the place of its class in base + novel, or what `values` says. See configs/custom/README.md.

    python tools/train.py configs/custom/my_label_maps.py
    python tools/test.py configs/custom/my_label_maps.py
    python tools/predict.py photo.jpg --semantic --model configs/custom/my_label_maps.py
"""

from mmengine.config import read_base

from ovsam.datasets.semseg_specs import label_maps
from ovsam.datasets.transforms.geometry import RandomFlip
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import (
    LoadSemantic,
    PackSemanticInputs,
    RandomWindow,
    ResizeShortSide,
)
from ovsam.datasets.vocabularies import class_list

with read_base():
    from ..mini.catseg import *

dataset_name = "my_label_maps"
# Pixels of `base` are trained on, those of `novel` only tested.
my_names = dict(base=["road", "tree"], novel=["car"])
my_maps = dict(
    my_names,
    type=label_maps,
    name="my_label_maps",
    root="data/my_label_maps",
    label_suffix=".png",  # images/train/a.jpg has labels/train/a.png; or such as "_mask.png"
    ignore_value=255,  # of pixels where nothing is known; 65535 in maps of 16 bits
    values=(),  # of each name in the files, base first, such as (0, 255); empty: 0, 1, 2, ...
)
my_train = dict(my_maps, images="images/train", labels="labels/train")
my_val = dict(my_maps, images="images/val", labels="labels/val")

my_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSemantic),
    dict(type=ResizeShortSide, size=128, max_size=512),
    dict(type=RandomWindow, size=128),
    dict(type=RandomFlip, probability=0.5),
    dict(type=PackSemanticInputs),
]
my_val_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSemantic),
    dict(type=ResizeShortSide, size=128, max_size=512, keep_original_labels=True),
    dict(type=PackSemanticInputs),
]

model.update(vocabulary=dict(my_names, type=class_list, name="my_label_maps"))
train_dataloader.dataset.update(
    spec=my_train, pipeline=my_train_pipeline, indices=None, cache_images=False
)
val_dataloader.dataset.update(spec=my_val, pipeline=my_val_pipeline, with_occlusion=False)
val_dataloader.update(batch_size=1)
test_dataloader = val_dataloader

weights_root = "work_dirs/quickstart/seed_0"
initial_weights = {"": "catseg"}
