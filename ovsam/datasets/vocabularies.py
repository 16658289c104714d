"""The vocabularies of the project's benchmarks by name; their class lists are package data."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ovsam.datasets.shapes.classes import BASE_LABELS, CLASS_NAMES, NOVEL_LABELS
from ovsam.structures.vocabulary import Vocabulary

NAMES_FOLDER = Path(__file__).with_name("names")


def _shapes() -> Vocabulary:
    classes = tuple((name,) for name in CLASS_NAMES)
    return Vocabulary(name="shapes", classes=classes, base=BASE_LABELS, novel=NOVEL_LABELS)


def _from_file(name: str) -> Vocabulary:
    rows = json.loads((NAMES_FOLDER / f"{name}.json").read_text(encoding="utf-8"))["classes"]
    groups = [group for _, group, _ in rows]
    return Vocabulary(
        name=name,
        classes=tuple(tuple(synonyms) for _, _, synonyms in rows),
        base=frozenset(label for label, group in enumerate(groups) if group == "base"),
        novel=frozenset(label for label, group in enumerate(groups) if group == "novel"),
        category_ids=tuple(category for category, _, _ in rows),
    )


VOCABULARIES: dict[str, Callable[[], Vocabulary]] = {
    "shapes": _shapes,
    "coco_48_17": lambda: _from_file("coco_48_17"),
    "lvis_v1": lambda: _from_file("lvis_v1"),
}


@cache
def get_vocabulary(name: str) -> Vocabulary:
    """The vocabulary of a benchmark.

    Args:
        name: `shapes` (80 classes: 48 base, 17 novel), `coco_48_17` (80 things in the order of
            their category ids: 48, 17) or `lvis_v1` (1,203: 866 frequent and common, 337 rare).

    Raises:
        ValueError: no vocabulary has this name.
    """
    if name not in VOCABULARIES:
        raise ValueError(f"unknown vocabulary {name!r}; known: {', '.join(sorted(VOCABULARIES))}")
    return VOCABULARIES[name]()
