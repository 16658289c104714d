"""Licences of weights: what a file states, and what applies to weights made from others."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ovsam.weights import read_metadata, resolve
from ovsam.weights.released import RELEASED, released_file

NOT_STATED = "not stated"


def joined(licences: Iterable[str]) -> str:
    """All licences, each once, in one text separated by `;`; all of them apply.

    Example:
        >>> joined(["MIT; Apache-2.0", "", "non-commercial", "MIT"])
        'MIT; Apache-2.0; non-commercial'
    """
    parts = (part.strip() for licence in licences for part in licence.split(";"))
    return "; ".join(dict.fromkeys(part for part in parts if part))


def stated(given: str, inherited: str) -> str:
    """The given licence, with those that the weights inherit."""
    parts = (part.strip() for part in inherited.split(";"))
    return joined([given, *(part for part in parts if not given or part != NOT_STATED)])


def licence_of_sources(names: Iterable[str], weights_root: str | Path) -> str:
    """The licences that apply to weights made from these sources (without converter and prefix).

    Returns:
        Empty if this project trained all sources from scratch: then whoever trained them decides. Has
        `not stated` for a foreign file that states no licence.

    Raises:
        WeightsError: no such source.
    """
    return joined(_licence_of(name, weights_root) for name in names)


def licence_of_metadata(metadata: Mapping[str, str]) -> str:
    """The licence in a file's metadata, else that of the released weights it was trained from."""
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
