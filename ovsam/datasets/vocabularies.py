"""The vocabularies of the benchmarks by name; their class lists are package data."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ovsam.datasets.shapes.classes import BASE_LABELS, CLASS_NAMES, NOVEL_LABELS
from ovsam.structures.vocabulary import Vocabulary

NAMES_FOLDER = Path(__file__).with_name("names")


#: The embedded benchmark, data sets of instances, data sets of label maps.
VOCABULARIES = (
    "shapes",
    "coco_48_17", "lvis_v1",
    "coco_stuff_171", "coco_panoptic_133", "ade20k_150", "ade20k_847", "pascal_context_59",
    "pascal_context_459", "voc_20", "voc_20b",
)  # fmt: skip


@cache
def get_vocabulary(name: str) -> Vocabulary:
    """The vocabulary of a benchmark.

    Args:
        name: `shapes` (80 classes: 48 base, 17 novel), `coco_48_17` (80 things in the order of
            their category ids: 48, 17), `lvis_v1` (1,203: 866 frequent and common, 337 rare), or one of
            label maps: `coco_stuff_171`, `coco_panoptic_133`, `ade20k_150`, `ade20k_847`,
            `pascal_context_59`, `pascal_context_459`, `voc_20`, `voc_20b` (base: seen in COCO-Stuff).

    Raises:
        ValueError: no vocabulary has this name.
    """
    if name not in VOCABULARIES:
        raise ValueError(f"unknown vocabulary {name!r}; known: {', '.join(sorted(VOCABULARIES))}")
    if name == "shapes":
        classes = tuple((name,) for name in CLASS_NAMES)
        return Vocabulary(name="shapes", classes=classes, base=BASE_LABELS, novel=NOVEL_LABELS)
    rows = json.loads((NAMES_FOLDER / f"{name}.json").read_text(encoding="utf-8"))["classes"]
    ids, groups, classes = zip(*rows, strict=True)
    return Vocabulary(
        name=name,
        classes=tuple(map(tuple, classes)),
        base=frozenset(label for label, group in enumerate(groups) if group == "base"),
        novel=frozenset(label for label, group in enumerate(groups) if group == "novel"),
        category_ids=ids,
    )


def class_list(*, name: str, base: Sequence[str], novel: Sequence[str] = ()) -> Vocabulary:
    """A vocabulary written out in a config, for your own data; `name` is what results call it.

    `base` are names that are trained on, `novel` those that are only tested.

    Raises:
        ValueError: no names, an empty one, or one that occurs twice.

    Example:
        >>> class_list(name="pets", base=["cat", "dog"], novel=["hamster"]).names
        ['cat', 'dog', 'hamster']
    """
    if isinstance(base, str) or isinstance(novel, str):
        raise ValueError("base and novel must be lists of names, got a text")
    return Vocabulary(
        name=name,
        classes=tuple((word,) for word in (*base, *novel)),
        base=frozenset(range(len(base))),
        novel=frozenset(range(len(base), len(base) + len(novel))),
    )
