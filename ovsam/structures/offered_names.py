"""Which names a model is offered: split into learnt and new ones, and growing sets for a test."""

from collections.abc import Collection, Sequence

import numpy as np

from ovsam.structures.class_names import class_strings
from ovsam.structures.vocabulary import Vocabulary

#: Field of `pred_instances`: (n, 5) int64, the best labels of a further set of names, by its name.
RANKED, NUM_RANKED = "ranked_{}", 5


def strings_of(synonyms: Sequence[str]) -> list[str]:
    """What is embedded of a class: the strings of all its synonyms."""
    return [string for synonym in synonyms for string in class_strings(synonym)]


def split_for(trained: Vocabulary, name: str, classes: Sequence[tuple[str, ...]]) -> Vocabulary:
    """Classes as a vocabulary for a trained model: those it has learnt are base, all others novel."""
    if tuple(classes) == trained.classes:
        return trained
    known = {string for label in trained.base for string in strings_of(trained.classes[label])}
    base = frozenset(row for row, names in enumerate(classes) if known & set(strings_of(names)))
    novel = frozenset(range(len(classes))) - base
    return Vocabulary(name=name, classes=tuple(classes), base=base, novel=novel)


def labels_in(vocabulary: Vocabulary, classes: Sequence[tuple[str, ...]]) -> list[int]:
    """The label in a vocabulary of each class: that of the same display name, else of a shared string.

    Raises:
        ValueError: a class that is not there.
    """
    by_name = {name: label for label, name in enumerate(vocabulary.names)}
    by_string: dict[str, int] = {}
    for label, synonyms in enumerate(vocabulary.classes):
        for string in strings_of(synonyms):
            by_string.setdefault(string, label)
    found = [
        by_name.get(
            synonyms[0], next((by_string[s] for s in strings_of(synonyms) if s in by_string), -1)
        )
        for synonyms in classes
    ]
    if missing := [synonyms[0] for synonyms, label in zip(classes, found, strict=True) if label < 0]:
        raise ValueError(f"vocabulary {vocabulary.name!r} lacks {len(missing)} names: {missing[:5]}")
    return found


def offered_labels(
    vocabulary: Vocabulary, evaluated: Collection[int], size: int, seed: int
) -> tuple[int, ...]:
    """Labels of a set of `size` names that has all evaluated classes; the rest is drawn.

    Of one seed a larger set holds every smaller one, so that accuracy over size is one curve.

    Args:
        vocabulary: all names.
        evaluated: labels that must be there.
        size: names.
        seed: of the draw.

    Raises:
        ValueError: fewer than the evaluated classes, or more than there are names.
    """
    needed = frozenset(evaluated)
    if not len(needed) <= size <= len(vocabulary):
        raise ValueError(
            f"a set of names must have {len(needed):,} (the evaluated classes) to {len(vocabulary):,} of"
            f" {vocabulary.name!r}, got {size:,}"
        )
    rest = np.array([label for label in range(len(vocabulary)) if label not in needed], np.int64)
    drawn = np.random.default_rng(seed).permutation(rest)[: size - len(needed)]
    return tuple(sorted((*needed, *drawn.tolist())))
