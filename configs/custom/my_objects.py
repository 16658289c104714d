"""Your own objects: the miniature, trained further on any annotations in COCO's format.

Copy this file, write your class names and the places of your files into it; nothing else is needed.
The model starts from what `make quickstart` has trained. How to: configs/custom/README.md.

    python tools/train.py configs/custom/my_objects.py
    python tools/test.py configs/custom/my_objects.py
    python tools/predict.py photo.jpg --box 10 20 200 180 --model configs/custom/my_objects.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import class_list

with read_base():
    from ..mini.ovsam_rn import *

dataset_name = "my_objects"
# Names as in `categories` of the annotation files. Those in `base` are trained on, those in `novel` only
# tested: the model has to name them without having seen an annotation.
my_classes = dict(type=class_list, name="my_objects", base=["cat", "dog"], novel=["horse"])

my_train = dict(
    data_root="data/my_objects",
    ann_file="annotations/train.json",
    data_prefix=dict(img="images"),
    vocabulary=my_classes,
)
my_val = dict(
    data_root="data/my_objects",
    ann_file="annotations/val.json",
    data_prefix=dict(img="images"),
    vocabulary=my_classes,
)

model.classifier.update(vocabulary=my_classes)
train_dataloader.dataset.update(my_train)
val_dataloader.dataset.update(my_val)
test_dataloader = val_dataloader

weights_root = "work_dirs/quickstart/seed_0"
initial_weights = {"": "ovsam_rn"}  # all of it; the class names are no part of the weights
train_cfg.update(max_epochs=10)
param_scheduler[1].update(T_max=10)
