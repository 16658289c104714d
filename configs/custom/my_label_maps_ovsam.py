"""Open-Vocabulary SAM on your own label maps: every connected region is an object with a box prompt.

Names and folders are those of my_label_maps. Nothing is trained: the miniature's weights are scored.

    python tools/test.py configs/custom/my_label_maps_ovsam.py
"""

from mmengine.config import read_base

from ovsam.datasets.label_map_objects import LabelMapObjects
from ovsam.datasets.vocabularies import class_list

with read_base():
    from ..mini.ovsam_rn import *
    from .my_label_maps import dataset_name, my_names, my_val, weights_root

my_objects = dict(
    type=LabelMapObjects,
    spec=my_val,
    keep="evaluated",
    min_area=16,  # px of the picture
    test_mode=True,
    pipeline=val_dataloader.dataset.pipeline,
)
model.classifier.update(vocabulary=dict(my_names, type=class_list, name="my_label_maps"))
val_dataloader.merge(dict(dataset=dict(my_objects, _delete_=True)))
test_dataloader = val_dataloader

test_weights = "ovsam_rn"
