"""Licences of weights: what a file states, and what holds for weights that are made of others."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ovsam.weights import read_metadata, resolve
from ovsam.weights.released import RELEASED, released_file

NOT_STATED = "not stated"


def joined(licences: Iterable[str]) -> str:
    """All licences in one text, each once: none is weaker than another, so none may get lost.

    Args:
        licences: each one text, itself perhaps of several licences apart by `;`; empty ones say nothing.

    Example:
        >>> joined(["MIT; Apache-2.0", "", "non-commercial", "MIT"])
        'MIT; Apache-2.0; non-commercial'
    """
    parts = (part.strip() for licence in licences for part in licence.split(";"))
    return "; ".join(dict.fromkeys(part for part in parts if part))


def stated(given: str, inherited: str) -> str:
    """What somebody states, and what the weights are bound by beside it."""
    parts = (part.strip() for part in inherited.split(";"))
    return joined([given, *(part for part in parts if not given or part != NOT_STATED)])


def licence_of_sources(names: Iterable[str], weights_root: str | Path) -> str:
    """The licences that hold for weights made of these sources.

    Args:
        names: sources as in `weights.load_parts`, without converter and prefix.
        weights_root: folder of the trained stages.

    Returns:
        Empty where all sources were trained by this project from nothing: then whoever trained them
        decides. `not stated` is among them where a foreign file says nothing.

    Raises:
        WeightsError: no such source.
    """
    return joined(_licence_of(name, weights_root) for name in names)


def licence_of_metadata(metadata: Mapping[str, str]) -> str:
    """The licence that a file's metadata state; of what this project trained, that of its start.

    Files written before the licence was exported name their initial weights; released ones among them
    tell it.
    """
    if metadata.get("licence"):
        return metadata["licence"]
    if "config" not in metadata:
        return NOT_STATED
    started_from = json.loads(metadata.get("initial_weights") or "{}")
    return joined(RELEASED[name].licence for name in started_from if name in RELEASED)


def _licence_of(name: str, weights_root: str | Path) -> str:
    if name in RELEASED:
        return RELEASED[name].licence
    path = resolve(name, weights_root)
    if path.suffix == ".safetensors":
        return licence_of_metadata(read_metadata(path))
    known = released_file(path)
    return known.licence if known else NOT_STATED
