"""Trees with a folder or a tar file per class: ImageNet-21k, ImageNet-1k, or your own."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from ovsam.datasets.class_keys import name_forms
from ovsam.datasets.image_index import Stretch, class_of, find_parts, read_index
from ovsam.datasets.image_labels import ImageLabelDataset
from ovsam.datasets.imagenet_names import SYNSET, SYNSET_FILES, synset_vocabulary
from ovsam.registry import DATASETS, passes_options_to
from ovsam.structures.vocabulary import Vocabulary

#: In place of a vocabulary: the classes are the folders, in the order of their names.
FOLDERS = "folders"
OtherClasses = Literal["raise", "skip"]


@DATASETS.register_module()
@passes_options_to(ImageLabelDataset)
class ClassFolders(ImageLabelDataset):
    """Pictures whose class is that of their folder or tar file; tar files are read in place.

    A folder is called like its class (case and `_` do not count), or like its synset if the vocabulary
    is one of ImageNet's: `n01440764/` or `n01440764.tar`. Only pictures right in the folder count.

    ImageNet's names come from timm, which has lists of 21,843, 21,841, 11,221 and 10,450 synsets, and
    not the paper's 19,167. `vocabulary="folders"` takes the synsets of your tree, whichever they are.
    """

    def __init__(
        self,
        *,
        data_root: str,
        vocabulary: str | Mapping[str, Any] = FOLDERS,
        other_classes: OtherClasses = "raise",
        **options: Any,
    ) -> None:
        """Args:
        data_root: folder of the tree.
        vocabulary: name of the class list, a config of `class_list`, or `folders`.
        other_classes: `skip` leaves out folders of classes that the vocabulary lacks, `raise` refuses
            them.
        options: those of `ImageLabelDataset`.

        Raises:
            FileNotFoundError: no such folder, or it is empty.
            ValueError: a folder of no class, two of one class, a broken tar file, or no picture at all.
        """
        if other_classes not in ("raise", "skip"):
            raise ValueError(f"other_classes must be raise or skip, got {other_classes!r}")
        self.other_classes = other_classes
        given = folder_vocabulary(Path(data_root)) if vocabulary == FOLDERS else vocabulary
        super().__init__(data_root=data_root, vocabulary=given, **options)

    def list_labelled(self) -> tuple[Sequence[Stretch], NDArray[np.int64]]:
        """All pictures of the tree, and the label of each in the own class list."""
        root = Path(self.data_root)
        labels, others = labels_of_parts(find_parts(root), self.own_vocabulary)
        if others and self.other_classes == "raise":
            raise ValueError(
                f"{root}: {len(others):,} folders or tar files, such as {', '.join(others[:3])}, are no"
                f" class of vocabulary {self.own_vocabulary.name!r}; give its vocabulary, or set"
                " other_classes='skip' to leave them out"
            )
        index = read_index(root, list(labels))
        label_of_part = np.array([labels[part] for part in index.parts], np.int64)
        missing = len(self.own_vocabulary) - len(set(labels.values()))
        without = [part for part, count in zip(index.parts, index.counts, strict=True) if not count]
        counts = {
            "folders of other classes": len(others),
            "classes without a folder": missing,
            "folders without a picture": len(without),
            "empty files": index.num_empty,
        }
        self.skipped = {reason: number for reason, number in counts.items() if number}
        if without:
            text = f"{root}: no picture in {len(without):,} folders, such as {', '.join(without[:3])}"
            print_log(text, "current", logging.WARNING)
        return index, label_of_part[index.part_of]


def folder_vocabulary(root: Path) -> Vocabulary:
    """The classes that the folders and tar files of a tree are called, by name; see `FOLDERS`.

    Raises:
        FileNotFoundError, ValueError: see `find_parts` and `synset_vocabulary`.
    """
    names = [class_of(part) for part in find_parts(root)]
    if all(map(SYNSET.fullmatch, names)):
        return synset_vocabulary(names, root.name)
    return Vocabulary.from_names([name.replace("_", " ") for name in names], root.name)


def labels_of_parts(parts: Sequence[str], vocabulary: Vocabulary) -> tuple[dict[str, int], list[str]]:
    """Folder or tar file -> label, and those that are no class.

    Raises:
        ValueError: two of one class, or a name that fits several classes.
    """
    is_imagenet = vocabulary.name in SYNSET_FILES or all(
        SYNSET.fullmatch(class_of(part)) for part in parts
    )
    label_of_name: dict[str, int] = {}
    if is_imagenet:
        for category, label in vocabulary.label_of_category.items():
            label_of_name[f"n{category:08d}"] = label
    else:
        doubles = set()
        for label, name in enumerate(vocabulary.names):
            if label_of_name.setdefault(_plain(name), label) != label:
                doubles.add(_plain(name))
        twice = sorted(doubles & {_plain(class_of(part)) for part in parts})
        if twice:
            raise ValueError(
                f"vocabulary {vocabulary.name!r} has several classes called {twice[0]!r}: the folder of"
                " that name fits them all"
            )
    labels: dict[str, int] = {}
    others: list[str] = []
    seen: dict[int, str] = {}
    for part in parts:
        label = label_of_name.get(class_of(part) if is_imagenet else _plain(class_of(part)))
        if label is None:
            others.append(part)
        elif label in seen:
            raise ValueError(f"{seen[label]} and {part} are of one class; put them into one folder")
        else:
            seen[label] = part
            labels[part] = label
    return labels, others


def _plain(name: str) -> str:
    """A name without case and underscores."""
    return name_forms(name).forms[2]
