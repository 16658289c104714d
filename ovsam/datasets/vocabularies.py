"""The named vocabularies; their class lists are package data, those of ImageNet come with timm."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ovsam.datasets.imagenet_names import SYNSET_FILES, imagenet_vocabulary
from ovsam.datasets.merged_vocabulary import MergedVocabulary, merge_vocabularies
from ovsam.datasets.shapes.classes import (
    ALL_LOOKS,
    BASE_LABELS,
    BOXED_LOOKS,
    CLASS_NAMES,
    LABELLED_LOOKS,
    NOVEL_LABELS,
)
from ovsam.structures.vocabulary import Vocabulary

NAMES_FOLDER = Path(__file__).with_name("names")


#: The drawn world, data sets of instances, boxes and image labels, data sets of label maps.
VOCABULARIES = (
    "shapes", "shapes22k", "shapes_boxes", "shapes_labels",
    "coco_48_17", "lvis_v1", "v3det", "objects365", *SYNSET_FILES,
    "coco_stuff_171", "coco_panoptic_133", "ade20k_150", "ade20k_847", "pascal_context_59",
    "pascal_context_459", "voc_20", "voc_20b",
)  # fmt: skip
#: Short names of some of them.
ALIASES = {"coco": "coco_48_17", "lvis": "lvis_v1", "ade150": "ade20k_150", "ade847": "ade20k_847"}


def is_vocabulary_name(name: str) -> bool:
    """Whether `get_vocabulary` knows it."""
    return all(part in VOCABULARIES or part in ALIASES for part in name.split("+"))


def get_vocabulary(name: str) -> Vocabulary:
    """A vocabulary by name. The same name, or its alias, gives the same object.

    Args:
        name: `shapes` (80 classes: 48 base, 17 novel), `shapes22k` (all 24,000 names of the drawn
            world; the first 80 are those of `shapes`), `shapes_boxes` and `shapes_labels` (1,235 and
            19,961 of them, of joint training's boxes and image labels), `coco_48_17` or `coco` (80
            things in the order of their category ids: 48, 17), `lvis_v1` or `lvis` (1,203: 866 frequent
            and common, 337 rare), `v3det` (13,204), `objects365` (365), `imagenet21k` (21,843),
            `imagenet22k`, `imagenet21k_p`, `imagenet21k_p_winter`, `imagenet1k` (see `imagenet_names`),
            or one of label maps: `coco_stuff_171`, `coco_panoptic_133`, `ade20k_150`, `ade20k_847` or
            `ade847`, `pascal_context_59`, `pascal_context_459`, `voc_20`, `voc_20b` (base: seen in
            COCO-Stuff).
            Several with `+` between them are merged, see `merged_vocabulary`.

    Raises:
        ValueError: no vocabulary has this name.
    """
    if "+" in name:
        return get_merged_vocabulary(name).vocabulary
    return _load(_full_name(name))


def get_merged_vocabulary(names: str) -> MergedVocabulary:
    """Vocabularies with `+` between their names, such as `v3det+lvis`, as one, with what was merged.

    Raises:
        ValueError: a name is unknown or occurs twice.
    """
    return _merge("+".join(map(_full_name, names.split("+"))))


def _full_name(name: str) -> str:
    full = ALIASES.get(name, name)
    if full not in VOCABULARIES:
        known = ", ".join(sorted((*VOCABULARIES, *ALIASES)))
        raise ValueError(f"unknown vocabulary {name!r}; known: {known}, and several of them with +")
    return full


@cache
def _merge(names: str) -> MergedVocabulary:
    return merge_vocabularies([_load(name) for name in names.split("+")], name=names)


@cache
def _load(name: str) -> Vocabulary:
    if name == "shapes":
        classes = tuple((name,) for name in CLASS_NAMES)
        return Vocabulary(name="shapes", classes=classes, base=BASE_LABELS, novel=NOVEL_LABELS)
    if name == "shapes22k":
        return _all_shapes()
    if name in ("shapes_boxes", "shapes_labels"):
        looks = BOXED_LOOKS if name == "shapes_boxes" else LABELLED_LOOKS
        return Vocabulary.from_names([look.name for look in looks], name)
    if name in SYNSET_FILES:
        return imagenet_vocabulary(name)
    path = NAMES_FOLDER / f"{name}.txt"
    if path.is_file():  # one class a line, in the order of the category ids 1, 2, ...
        lines = path.read_text(encoding="utf-8").splitlines()
        return Vocabulary.from_names([line for line in lines if not line.startswith("#")], name)
    rows = json.loads((NAMES_FOLDER / f"{name}.json").read_text(encoding="utf-8"))["classes"]
    ids, groups, classes = zip(*rows, strict=True)
    return Vocabulary(
        name=name,
        classes=tuple(map(tuple, classes)),
        base=frozenset(label for label, group in enumerate(groups) if group == "base"),
        novel=frozenset(label for label, group in enumerate(groups) if group == "novel"),
        category_ids=ids,
    )


def image_counts(name: str) -> list[int]:
    """Training pictures that show each class of a named list, in label order.

    Raises:
        ValueError: they are not known of this list; those of `lvis_v1` are.
    """
    path = NAMES_FOLDER / f"{_full_name(name)}_image_counts.json"
    if not path.is_file():
        raise ValueError(f"the pictures of each class of {name!r} are not known; those of lvis_v1 are")
    return json.loads(path.read_text(encoding="utf-8"))["image_counts"]


def _all_shapes() -> Vocabulary:
    """The benchmark's 80 classes, then all other names; base are the benchmark's base classes."""
    names = dict.fromkeys((*CLASS_NAMES, *(look.name for look in ALL_LOOKS)))
    return Vocabulary(
        name="shapes22k",
        classes=tuple((name,) for name in names),
        base=BASE_LABELS,
        novel=frozenset(range(len(names))) - BASE_LABELS,
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


def vocabulary_of(given: str | Mapping[str, Any] | Vocabulary) -> Vocabulary:
    """The vocabulary that a config gives: a name, see `get_vocabulary`, or a config of `class_list`.

    A vocabulary is returned as it is.

    Raises:
        ValueError: neither of them, or what these raise.
    """
    if isinstance(given, str):
        return get_vocabulary(given)
    if isinstance(given, Vocabulary):
        return given
    arguments = {key: given[key] for key in given}  # mmengine resolves lazy types on access
    if arguments.pop("type", class_list) is not class_list:
        raise ValueError("vocabulary must be a name, or dict(type=class_list, name=..., base=[...])")
    return class_list(**arguments)
