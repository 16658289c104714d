"""Hierarchy: what the classes of a vocabulary have in common, level by level."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Hierarchy:
    """One group per class on each level; empty = none known.

    Attributes:
        name: where it comes from.
        levels: level -> the group of each of C classes, such as `colour` -> `("red", "blue", ...)`. Of
            a tree `parent` is the hypernym, `parent 2` that of the hypernym, and so on.

    Raises:
        ValueError: no level, or levels of different lengths.

    Example:
        >>> Hierarchy("x", {"parent": ("pet", "pet", "")}).groups["parent"]
        ('', 'pet')
    """

    name: str
    levels: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        if len({len(groups) for groups in self.levels.values()}) != 1:
            lengths = {level: len(groups) for level, groups in self.levels.items()}
            raise ValueError(f"hierarchy {self.name!r}: expected levels of one length, got {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.levels.values())))

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Level -> its different groups, sorted."""
        return {level: tuple(sorted(set(groups))) for level, groups in self.levels.items()}

    @cached_property
    def places(self) -> dict[str, NDArray[np.int64]]:
        """Level -> (C,) the place in `groups` of each class."""
        found = {}
        for level, groups in self.levels.items():
            place = {group: index for index, group in enumerate(self.groups[level])}
            found[level] = np.array([place[group] for group in groups], np.int64)
        return found

    def best(self, probs: NDArray[np.float32]) -> list[tuple[tuple[str, str, float], ...]]:
        """The most probable group on every level.

        Args:
            probs: (N, C) of the classes, 0..1.

        Returns:
            N rows of (level, group, sum of the probabilities of its classes). Classes without a group
            do not count, so a level where no class has one is left out.
        """
        found: list[list[tuple[str, str, float]]] = [[] for _ in probs]
        for level, places in self.places.items():
            groups, order = self.groups[level], np.argsort(places, kind="stable")
            if groups == ("",):
                continue
            starts = np.searchsorted(places[order], np.arange(len(groups)))
            sums = np.add.reduceat(probs[:, order], starts, axis=1, dtype=np.float64)  # -> (N, G)
            if groups[0] == "":
                sums[:, 0] = -1
            for row, values in zip(found, sums, strict=True):
                best = int(values.argmax())
                row.append((level, groups[best], float(values[best])))
        return [tuple(row) for row in found]
