"""How the miniature's baselines with adapters and the tuned small SAM train: as its CLIP2SAM does."""

from mmengine.config import read_base

from ovsam.models.losses import ClassificationLoss

with read_base():
    from .datasets.shapes import shapes_train_base_loader
    from .models.mini import mask_loss
    from .schedules.mini import optim_wrapper, param_scheduler, train_cfg

class_loss = dict(type=ClassificationLoss)
train_dataloader = shapes_train_base_loader
# The decoder goes on from the small SAM's, all else starts from nothing.
optim_wrapper.paramwise_cfg.update(custom_keys={"mask_decoder": dict(lr_mult=0.3)})
