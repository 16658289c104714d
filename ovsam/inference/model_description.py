"""A model's config as plain JSON, and back: only this package's own parts can be named, no code is run.

A python-style config is code, and loading a stranger's config would run it. What is saved with
weights is therefore data: every `type` is the path of a registered class of this package.
"""

import contextlib
import importlib
from collections.abc import Mapping
from typing import Any

from ovsam.datasets.vocabularies import class_list, get_vocabulary
from ovsam.ops.windows import SlidingViews, WholeView
from ovsam.registry import MODELS, build_model
from ovsam.structures.vocabulary import Vocabulary

#: Functions and plain values that may stand under `type` beside registered classes.
FUNCTIONS = {
    "ovsam.datasets.vocabularies:get_vocabulary": get_vocabulary,
    "ovsam.datasets.vocabularies:class_list": class_list,
    "ovsam.structures.vocabulary:Vocabulary.from_names": Vocabulary.from_names,
    "ovsam.ops.windows:SlidingViews": SlidingViews,
    "ovsam.ops.windows:WholeView": WholeView,
}
VOCABULARY = "vocabulary"  # `type` of a vocabulary that is written out


def describe(config: Any) -> Any:
    """A model config as JSON values.

    Args:
        config: as `registry.build_model` takes it.

    Raises:
        ValueError: it holds something that is no plain value and no part of this package.
    """
    if isinstance(config, Vocabulary):
        return describe_vocabulary(config)
    if isinstance(config, Mapping):
        return {str(key): describe(config[key]) for key in config}  # mmengine resolves lazy types so
    if isinstance(config, (list, tuple)):
        return [describe(item) for item in config]
    if config is None or isinstance(config, (bool, int, float, str)):
        return config
    place = f"{getattr(config, '__module__', '')}:{getattr(config, '__qualname__', '')}"
    if place in FUNCTIONS or _is_own_part(config):
        return place
    raise ValueError(
        f"a saved model may hold plain values and parts of ovsam.models, not {config!r:.80}"
    )


def build_described(description: Mapping[str, Any]) -> Any:
    """Build the model that `describe` described, with random weights.

    Raises:
        ValueError: a part that this version does not know, or arguments that it does not take.
    """
    if not isinstance(description, Mapping) or not isinstance(description.get("type"), str):
        raise ValueError(f"a saved model is described by an object with a type, got {description!r:.80}")
    config = _restored(description)
    try:
        return build_model(config)
    except Exception as error:  # whatever a constructor makes of a stranger's numbers
        raise ValueError(f"the saved model does not fit this version of ovsam: {error!r}") from error


def describe_vocabulary(vocabulary: Vocabulary) -> dict[str, Any]:
    """A vocabulary as JSON values."""
    return {
        "type": VOCABULARY,
        "name": vocabulary.name,
        "classes": [list(names) for names in vocabulary.classes],
        "base": sorted(vocabulary.base),
        "novel": sorted(vocabulary.novel),
        "category_ids": list(vocabulary.category_ids),
    }


def _restored(node: Any) -> Any:
    if isinstance(node, list):
        return [_restored(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    kind = node.get("type")
    if kind == VOCABULARY:
        return _vocabulary(node)
    items = {key: _restored(value) for key, value in node.items() if key != "type"}
    return items if kind is None else {"type": _part(kind), **items}


def _vocabulary(node: Mapping[str, Any]) -> Vocabulary:
    try:
        return Vocabulary(
            name=str(node["name"]),
            classes=tuple(tuple(map(str, names)) for names in node["classes"]),
            base=frozenset(map(int, node["base"])),
            novel=frozenset(map(int, node["novel"])),
            category_ids=tuple(map(int, node["category_ids"])),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the saved vocabulary is incomplete: {error!r}; save or download the model again"
        ) from None


def _part(place: Any) -> Any:
    if isinstance(place, str) and place in FUNCTIONS:
        return FUNCTIONS[place]
    module, _, name = str(place).partition(":")
    if module.startswith("ovsam.models.") and name.isidentifier():
        with contextlib.suppress(ModuleNotFoundError):
            part = getattr(importlib.import_module(module), name, None)
            if _is_own_part(part):
                return part
    raise ValueError(
        f"the saved model has a part {place!r:.80} that this version of ovsam does not know"
    )


def _is_own_part(part: Any) -> bool:
    return (
        isinstance(part, type)
        and part.__module__.startswith("ovsam.models.")
        and MODELS.module_dict.get(part.__name__) is part
    )
