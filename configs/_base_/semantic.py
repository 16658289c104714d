"""Shared by all full-size semantic segmentors: data, schedule, metric."""

from mmengine.config import read_base
from mmengine.hooks import CheckpointHook

with read_base():
    from .datasets.semseg import cocostuff_train_loader, semseg_evaluator, semseg_val_loader
    from .runtime import *
    from .schedules.catseg_80k import auto_scale_lr, optim_wrapper, param_scheduler, train_cfg

dataset_name = "COCO-Stuff"
precision = "bfloat16"  # autocast in training and test; or "float16", "float32"
# The queries of CLIP's last block are unused and get no gradient.
find_unused_parameters = True

train_dataloader = cocostuff_train_loader
train_dataloader.update(batch_size=1)  # 4 GPUs
semseg_val_loader.dataset.update(spec="coco_stuff_val")
val_dataloader = semseg_val_loader
val_evaluator = semseg_evaluator
val_cfg = dict()
test_dataloader = val_dataloader
test_evaluator = val_evaluator
test_cfg = dict()

default_hooks.update(
    checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=5_000, max_keep_ckpts=2)
)
