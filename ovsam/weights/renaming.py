"""Tensors of other people's files under our names: by tables of patterns, nothing left over."""

import re
from collections.abc import Callable, Iterable, Mapping

from torch import Tensor


def renamed_by(name: str, rules: Iterable[tuple[str, str]]) -> str | None:
    """Our name by the first of the (pattern, ours) that fits, or None."""
    for pattern, ours in rules:
        renamed, count = re.subn(pattern, ours, name)
        if count:
            return renamed
    return None


def rename_all(
    tensors: Mapping[str, Tensor], ours: Callable[[str], str | None], model: str
) -> dict[str, Tensor]:
    """Tensors by the names that `ours` gives.

    Raises:
        ValueError: a name that is not of `model`, or two names that become one.
    """
    names = {name: ours(name) for name in tensors}
    unknown = [name for name, renamed in names.items() if renamed is None]
    if unknown:
        raise ValueError(
            f"{len(unknown)} names are not of {model}, the first are {unknown[:5]};"
            " is this another model's file?"
        )
    converted: dict[str, Tensor] = {}
    for name, renamed in names.items():
        if renamed in converted:
            raise ValueError(f"two tensors become {renamed!r}, one of them {name!r}")
        converted[str(renamed)] = tensors[name]
    return converted
