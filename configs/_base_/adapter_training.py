"""How the baselines with adapters and the tuned SAM train: data, losses and schedule of CLIP2SAM.

Source: no source states another recipe for them.
"""

from mmengine.config import read_base

from ovsam.models.losses import ClassificationLoss, PointMaskLoss

with read_base():
    from .datasets.coco_4817 import coco_train_base_loader
    from .schedules.clip2sam_12e import auto_scale_lr, optim_wrapper, param_scheduler, train_cfg

mask_loss = dict(type=PointMaskLoss)
class_loss = dict(type=ClassificationLoss)
train_dataloader = coco_train_base_loader
# Mask tokens 1 to 3 and the quality head of SAM's decoder take no part in the losses.
find_unused_parameters = True
