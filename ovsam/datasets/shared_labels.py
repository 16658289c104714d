"""Labels of one class list as labels of a vocabulary that several data sets share."""

from collections.abc import Sequence
from dataclasses import replace

from ovsam.datasets.vocabularies import get_merged_vocabulary, get_vocabulary
from ovsam.structures.vocabulary import Vocabulary


def shared_labels(own: Vocabulary, shared: str) -> tuple[Vocabulary, tuple[int, ...]]:
    """The shared vocabulary, and in it the label of each label of `own`.

    Args:
        own: the class list of a data set.
        shared: name of a vocabulary. One merged with `+` must have `own` among its lists; any other must
            have each name of `own`, as it is shown.

    Raises:
        ValueError: the shared vocabulary is unknown or lacks `own`.
    """
    if "+" in shared:
        merged = get_merged_vocabulary(shared)
        return merged.vocabulary, merged.labels_of(own.name)
    vocabulary = get_vocabulary(shared)
    label_of_name = {name: label for label, name in enumerate(vocabulary.names)}
    missing = [name for name in own.names if name not in label_of_name]
    if missing:
        raise ValueError(
            f"vocabulary {shared!r} lacks {len(missing)} of the {len(own)} classes of {own.name!r}, such"
            f" as {missing[:3]}; give one that is merged from several lists, such as {own.name}+{shared}"
        )
    return vocabulary, tuple(label_of_name[name] for name in own.names)


def learnt_from(*, name: str, lists: Sequence[str]) -> Vocabulary:
    """The vocabulary of joint training: base are the classes that are base in one of the data sets.

    Args:
        name: of the vocabulary that the data sets share.
        lists: class lists of the data sets, such as `shapes` and `shapes_boxes`.

    Raises:
        ValueError: an unknown list, or one that the vocabulary lacks.
    """
    pairs = [(own, shared_labels(own, name)[1]) for own in map(get_vocabulary, lists)]
    base = frozenset(labels[label] for own, labels in pairs for label in own.base)
    whole = get_vocabulary(name)
    return replace(whole, base=base, novel=frozenset(range(len(whole))) - base)
