"""Your own objects at full size: RN50x16 at 1024 px, trained further on the data of my_objects.

Class names and files are those of my_objects.py. The model starts from the weights that the paper's
authors publish: they are non-commercial, and so is what is trained from them; the weights say so.
How to get them: configs/custom/README.md. Never run with real weights here.

    tools/launch.sh train configs/custom/my_objects_rn50x16.py --gpus 1 --auto-scale-lr
    python tools/test.py configs/custom/my_objects_rn50x16.py
    python tools/predict.py photo.jpg --box 10 20 200 180 --model configs/custom/my_objects_rn50x16.py
"""

from mmengine.config import read_base

with read_base():
    from ..ovsam.ovsam_rn50x16_coco48_12e import *
    from .my_objects import dataset_name, my_classes, my_train, my_val

# Your novel names are no negatives: the model has never to learn that an object is none of them.
model.update(train_vocabulary="base")
model.classifier.update(vocabulary=my_classes)
train_dataloader.dataset.update(my_train)
val_dataloader.dataset.update(my_val)
test_dataloader = val_dataloader

initial_weights = {"": "released_coco"}  # work_dirs/released_coco/weights.safetensors
