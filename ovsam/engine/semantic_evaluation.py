"""Tests a semantic model: every image against the classes that the model itself answers with."""

import copy
from typing import Any

from mmengine.config import Config
from mmengine.runner import TestLoop

from ovsam.benchmark.records import SEMANTIC
from ovsam.engine.runner import Runner


def semantic_stem(name: str = "") -> str:
    """What the files of a test on label maps are called, of another set than the config's own too."""
    return f"{SEMANTIC}_{name}" if name else SEMANTIC


def evaluate_semantic(
    runner: Runner, config: Config, split: str = "test"
) -> tuple[dict[str, float], Any]:
    """Run the test loop on label maps.

    Args:
        runner: built from `config`, weights loaded; its model has a `vocabulary`.
        config: its `<split>_dataloader` and `<split>_evaluator` (one `SemanticMetric`) are used.
        split: `test` or `val`.

    Returns:
        Metrics in percent without prefix, and the metric's `SemanticReport`.

    Raises:
        ValueError: the model's vocabulary lacks a class of the data set; nothing has run then.
    """
    evaluator = copy.deepcopy(config[f"{split}_evaluator"])
    evaluator.predicted_names = list(runner.bare_model.vocabulary.names)
    loader = copy.deepcopy(config[f"{split}_dataloader"])
    loop = TestLoop(runner, dataloader=loader, evaluator=evaluator)
    metric = loop.evaluator.metrics[0]
    metric.check_vocabulary()
    runner._test_loop = loop
    found = runner.test()
    return {name.split("/")[-1]: value for name, value in found.items()}, metric.report
