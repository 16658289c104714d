"""`--sets`: on which sets of label maps a semantic config is tested."""

import copy
from collections.abc import Sequence

from mmengine.config import Config

from ovsam.arguments.test import ALL_SETS
from ovsam.datasets.semseg_specs import EVALUATION_SETS, get_spec
from ovsam.datasets.vocabularies import get_vocabulary


def sets_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """The sets that `--sets` names, each once."""
    found = (EVALUATION_SETS if name == ALL_SETS else (name,) for name in given or ())
    return tuple(dict.fromkeys(name for names in found for name in names))


def is_semantic(config: Config) -> bool:
    """Whether a config is tested on label maps, which is where a data set has a row of the table."""
    loader = config.get("test_dataloader")
    return bool(loader) and "spec" in loader.get("dataset", {})


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
