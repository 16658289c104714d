"""Shared by all full-size runs of promptable methods: COCO's test, prompts, metric, precision."""

from mmengine.config import read_base

from ovsam.evaluation.promptable import PromptableMetric

with read_base():
    from .datasets.coco_4817 import coco_val_loader
    from .runtime import *

dataset_name = "COCO"
test_prompts = ("box", "center_point")
precision = "float32"  # "bfloat16" or "float16" turn on autocast in training and test
trackers = []  # "tensorboard", "wandb", "mlflow": also send curves there

val_dataloader = coco_val_loader
val_evaluator = dict(type=PromptableMetric)
val_cfg = dict()
test_dataloader = val_dataloader
test_evaluator = val_evaluator
test_cfg = dict()
