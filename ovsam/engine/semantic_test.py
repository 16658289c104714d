"""Tests a semantic model: every image against the classes that the model itself answers with."""

import copy
from typing import Any

from mmengine.config import Config
from mmengine.runner import TestLoop

from ovsam.benchmark.records import SEMANTIC
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import get_spec
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.engine.runner import Runner


def is_semantic(config: Config) -> bool:
    """Whether a config is tested on label maps."""
    loader = config.get("test_dataloader")
    return bool(loader) and loader.get("dataset", {}).get("type") is SemsegDataset


def on_set(config: Config, name: str, split: str = "test") -> Config:
    """A copy of a config that is tested on another set of label maps, asked for that set's classes.

    Args:
        config: of a semantic model.
        name: of the set, see `datasets.semseg_specs`.
        split: whose data loader: `test` or `val`.

    Raises:
        ValueError: no such set, or a config that is not tested on label maps.
    """
    spec = get_spec(name)
    if not is_semantic(config):
        raise ValueError(
            f"{config.get('experiment_name', 'the config')} is not tested on label maps: the set"
            f" {name!r} is for configs such as escnet/escnet_vitb16_cocostuff_80k"
        )
    changed = copy.deepcopy(config)
    changed.model.vocabulary = dict(type=get_vocabulary, name=spec.vocabulary)
    changed[f"{split}_dataloader"].dataset.spec = name
    return changed


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
