"""Your own label maps with ESC-Net: names and folders are those of my_label_maps.

python tools/train.py configs/custom/my_label_maps_escnet.py
python tools/test.py configs/custom/my_label_maps_escnet.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import class_list

with read_base():
    from ..mini.escnet import *
    from .my_label_maps import (
        dataset_name,
        my_names,
        my_train,
        my_train_pipeline,
        my_val,
        my_val_pipeline,
        weights_root,
    )

model.update(vocabulary=dict(my_names, type=class_list, name="my_label_maps"))
train_dataloader.dataset.update(
    spec=my_train, pipeline=my_train_pipeline, indices=None, cache_images=False
)
val_dataloader.dataset.update(spec=my_val, pipeline=my_val_pipeline, with_occlusion=False)
val_dataloader.update(batch_size=1)
test_dataloader = val_dataloader

initial_weights = {"": "escnet"}
