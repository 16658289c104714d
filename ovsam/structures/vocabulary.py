"""Vocabulary: the class names a model may answer with; the only owner of the class count."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def prompt_name(name: str) -> str:
    """What stands for a class in a sentence: the first synonym of its name.

    Source: CAT-Seg; it matters for A-847, whose names are lists such as `sofa, couch, lounge`.
    """
    return name.split(", ")[0]


@dataclass(frozen=True)
class Vocabulary:
    """Named classes with synonyms and a base/novel split.

    Attributes:
        name: what results and caches call it.
        classes: one tuple of synonyms per class, in label order; the first is the display name.
        base: labels whose annotations may be trained on.
        novel: labels kept for evaluation. Labels in neither set are neither trained nor evaluated.
        category_ids: annotation category id of each label; 1..C where left empty.

    Raises:
        ValueError: no classes, an empty name, a display name that occurs twice, a label out of range
            or in both sets, or a wrong number of category ids.
    """

    name: str
    classes: tuple[tuple[str, ...], ...]
    base: frozenset[int] = frozenset()
    novel: frozenset[int] = frozenset()
    category_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.classes:
            raise ValueError(f"vocabulary {self.name!r} has no classes")
        for label, synonyms in enumerate(self.classes):
            if not synonyms or any(not s.strip() for s in synonyms):
                raise ValueError(f"vocabulary {self.name!r}: class {label} has an empty name")
        names = self.names
        if len(set(names)) < len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise ValueError(f"vocabulary {self.name!r}: names occur twice: {twice[:5]}")
        outside = [i for i in self.base | self.novel if not 0 <= i < len(names)]
        if outside or self.base & self.novel:
            raise ValueError(
                f"vocabulary {self.name!r}: base and novel must be disjoint labels below {len(names)},"
                f" got outside {sorted(outside)[:5]}, in both {sorted(self.base & self.novel)[:5]}"
            )
        if not self.category_ids:
            object.__setattr__(self, "category_ids", tuple(range(1, len(names) + 1)))
        if len(set(self.category_ids)) != len(names):
            raise ValueError(
                f"vocabulary {self.name!r}: expected {len(names)} distinct category ids,"
                f" got {len(set(self.category_ids))}"
            )

    @classmethod
    def from_names(cls, names: Sequence[str], name: str = "custom") -> "Vocabulary":
        """Classes without synonyms; all of them are base."""
        return cls(name=name, classes=tuple((n,) for n in names), base=frozenset(range(len(names))))

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> list[str]:
        """Display name of each label."""
        return [synonyms[0] for synonyms in self.classes]

    @property
    def evaluated(self) -> frozenset[int]:
        """Labels of the base and the novel classes."""
        return self.base | self.novel

    @property
    def label_of_category(self) -> dict[int, int]:
        """Annotation category id -> label."""
        return {category: label for label, category in enumerate(self.category_ids)}

    def subset(self, labels: Iterable[int], name: str) -> "Vocabulary":
        """Only `labels`, ascending; labels are renumbered 0..n-1."""
        kept = sorted(set(labels))
        place = {old: new for new, old in enumerate(kept)}
        return Vocabulary(
            name=name,
            classes=tuple(self.classes[i] for i in kept),
            base=frozenset(place[i] for i in self.base if i in place),
            novel=frozenset(place[i] for i in self.novel if i in place),
            category_ids=tuple(self.category_ids[i] for i in kept),
        )

    def digest(self) -> str:
        """sha256 (hex) of names, synonyms and split: what results and caches are bound to."""
        content = [self.classes, sorted(self.base), sorted(self.novel)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()
