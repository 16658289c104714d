"""Training of the baselines with adapters and of the tuned SAM: CLIP2SAM's data, losses and schedule.

Source: none; no publication states a recipe for them.
"""

from mmengine.config import read_base

from ovsam.models.losses import ClassificationLoss, PointMaskLoss
from ovsam.models.segmentors.tuned_baselines import TunedCropBaseline

with read_base():
    from .datasets.coco_4817 import coco_train_base_loader
    from .schedules.clip2sam_12e import auto_scale_lr, optim_wrapper, param_scheduler, train_cfg

mask_loss = dict(type=PointMaskLoss)
class_loss = dict(type=ClassificationLoss)
#: Added to the model of a crop baseline, it makes the baseline trainable.
tuned = dict(type=TunedCropBaseline, mask_loss=mask_loss, class_loss=class_loss, train_vocabulary="all")
train_dataloader = coco_train_base_loader
# No loss uses mask tokens 1 to 3 or the quality head of SAM's decoder.
find_unused_parameters = True
