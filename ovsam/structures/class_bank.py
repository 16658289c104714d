"""ClassBank: the text vectors of a vocabulary, each string once, however many synonyms a class has."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassBank:
    """C classes of up to P synonyms, over L different strings.

    A table (C, P, D) would repeat the first synonym of every class up to the longest list: one class
    with 15 synonyms would make all 21,843 of ImageNet-21k take 15 times the memory of their names.

    Attributes:
        strings: (L, D) of unit length, of any float type.
        rows: (C, P) int64, the string of each synonym; a class with fewer repeats its first.

    Raises:
        ValueError: shapes or rows that do not fit.
    """

    strings: Tensor
    rows: Tensor

    def __post_init__(self) -> None:
        if self.strings.ndim != 2 or self.rows.ndim != 2:
            shapes = tuple(self.strings.shape), tuple(self.rows.shape)
            raise ValueError(f"expected strings (L, D) and rows (C, P), got {shapes[0]} and {shapes[1]}")
        if self.rows.is_meta or not self.rows.numel():
            return
        lowest, highest = int(self.rows.min()), int(self.rows.max())
        if lowest < 0 or highest >= len(self.strings):
            raise ValueError(f"rows must be in 0..{len(self.strings) - 1}, got {lowest}..{highest}")

    @classmethod
    def of_table(cls, embeddings: Tensor) -> "ClassBank":
        """The bank of a table (C, P, D)."""
        num_classes, num_synonyms = embeddings.shape[:2]
        places = torch.arange(num_classes * num_synonyms, device=embeddings.device)
        return cls(embeddings.flatten(0, 1), places.view(num_classes, num_synonyms))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def table(self) -> Tensor:
        """(C, P, D): a vector for every synonym."""
        return self.strings[self.rows]

    def to(self, device: torch.device | str) -> "ClassBank":
        """The bank on another device."""
        return ClassBank(self.strings.to(device), self.rows.to(device))
