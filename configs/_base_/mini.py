"""Shared by all runs of the miniature, whatever the model: test data, metric, paths."""

from mmengine.config import read_base

from ovsam.evaluation.promptable import PromptableMetric

with read_base():
    from .datasets.shapes import shapes_test_loader, shapes_val_loader
    from .runtime import *

dataset_name = "shapes"
weights_root = "work_dirs/mini"
test_prompts = ("box", "center_point")

val_dataloader = shapes_val_loader
val_evaluator = dict(type=PromptableMetric)
val_cfg = dict()
test_dataloader = shapes_test_loader
test_evaluator = dict(type=PromptableMetric)
test_cfg = dict()

# No stage draws mask prompts, so the part of the prompt encoder that reads them gets no gradient.
find_unused_parameters = True
