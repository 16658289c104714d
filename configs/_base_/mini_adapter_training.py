"""Training of the miniature's baselines with adapters and its tuned small SAM, on CLIP2SAM's data."""

from mmengine.config import read_base

from ovsam.models.losses import ClassificationLoss
from ovsam.models.segmentors.tuned_baselines import TunedCropBaseline

with read_base():
    from .datasets.shapes import shapes_train_base_loader
    from .models.mini import mask_loss
    from .schedules.mini import optim_wrapper, param_scheduler, train_cfg

class_loss = dict(type=ClassificationLoss)
#: Added to the model of a crop baseline, it makes the baseline trainable.
tuned = dict(type=TunedCropBaseline, mask_loss=mask_loss, class_loss=class_loss, train_vocabulary="base")
train_dataloader = shapes_train_base_loader
# The decoder starts from the small SAM's weights, everything else from random ones.
optim_wrapper.paramwise_cfg.update(custom_keys={"mask_decoder": dict(lr_mult=0.3)})
