"""Shared by all semantic models of the miniature: test data, metric, paths."""

from mmengine.config import read_base

with read_base():
    from .datasets.shapes_semantic import (
        shapes_semantic_evaluator,
        shapes_semantic_test_loader,
        shapes_semantic_val_loader,
    )
    from .runtime import *

dataset_name = "shapes"
weights_root = "work_dirs/mini"
test_prompts = ("semantic",)

val_dataloader = shapes_semantic_val_loader
val_evaluator = shapes_semantic_evaluator
val_cfg = dict()
test_dataloader = shapes_semantic_test_loader
test_evaluator = shapes_semantic_evaluator
test_cfg = dict()

# The queries of CLIP's last block are unused and get no gradient.
find_unused_parameters = True
