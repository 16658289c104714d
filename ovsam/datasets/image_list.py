"""Pictures and their classes listed in a CSV file."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.broken_pictures import OnError
from ovsam.datasets.class_keys import name_forms
from ovsam.datasets.image_index import Stretch
from ovsam.datasets.image_labels import UNKNOWN, ImageLabelDataset
from ovsam.files import read_text
from ovsam.registry import DATASETS, passes_options_to
from ovsam.structures.vocabulary import Vocabulary

COLUMNS = (["image", "class"], ["image", "label"])


@DATASETS.register_module()
@passes_options_to(ImageLabelDataset)
class ImageList(ImageLabelDataset):
    """Pictures of a CSV file whose first line is `image,class` or `image,label`.

    A class is a name of the vocabulary (case and `_` do not count; all synonyms do), a label a number
    from 0 on in its order. An empty class and the label -1 are unknown classes.
    """

    def __init__(
        self,
        *,
        ann_file: str,
        data_prefix: dict[str, str],
        vocabulary: str | Mapping[str, Any],
        data_root: str = "",
        on_error: OnError = "raise",
        **options: Any,
    ) -> None:
        """Args:
        ann_file: the CSV file, below `data_root` unless absolute.
        data_prefix: `dict(img=folder that the file's names start from)`, below `data_root`.
        vocabulary: name of the class list, or a config of `class_list`.
        data_root: folder of the data set.
        on_error: see `BrokenPicturesDataset`; `skip` also leaves out pictures that are listed and
            absent, and counts them in `skipped`.
        options: those of `ImageLabelDataset`.

        Raises:
            FileNotFoundError: no such file or folder, or a picture is listed and absent.
            ValueError: a broken file, a class or label that the vocabulary lacks, or a picture twice.
        """
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=dict(data_prefix),
            vocabulary=vocabulary,
            on_error=on_error,
            **options,
        )

    def list_labelled(self) -> tuple[Sequence[Stretch], NDArray[np.int64]]:
        """The pictures of the file in their order, and the label of each in the own class list."""
        path, folder = Path(self.ann_file), Path(self.data_prefix["img"])
        if not folder.is_dir():
            raise FileNotFoundError(f"image folder {folder} does not exist")
        rows = read_image_list(path, self.own_vocabulary)
        absent = [name for name in rows if not (folder / name).is_file()]
        if absent and not self.skips_broken:
            raise FileNotFoundError(
                f"{path} lists {len(absent):,} of {len(rows):,} images that are not in {folder}, such as"
                f" {', '.join(absent[:3])}; bring them, or set on_error='skip' to leave them out"
            )
        if absent:
            self.skipped["images listed and absent"] = len(absent)
        gone = set(absent)
        kept = {name: label for name, label in rows.items() if name not in gone}
        pictures = [Stretch(str(folder / name), name) for name in kept]
        return pictures, np.array(list(kept.values()), np.int64)


def read_image_list(path: Path, vocabulary: Vocabulary) -> dict[str, int]:
    """The file's pictures and their labels; see `ImageList`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: see `ImageList`; the message names the line.
    """
    lines = csv.reader(StringIO(read_text(path)))
    header = [column.strip().lower() for column in next(lines, [])]
    if header not in COLUMNS:
        raise ValueError(f"{path} must start with the line image,class or image,label, got {header}")
    read = _label if header[1] == "label" else _name_reader(vocabulary)
    rows: dict[str, int] = {}
    for fields in lines:
        if not fields:
            continue
        place = f"{path}, line {lines.line_num}"
        if len(fields) != 2 or not fields[0].strip():
            raise ValueError(f"{place}: expected an image and a {header[1]}, got {fields}")
        name = fields[0].strip()
        if name in rows:
            raise ValueError(f"{place}: image {name} is listed twice")
        try:
            rows[name] = read(fields[1].strip(), vocabulary)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
    return rows


def _label(text: str, vocabulary: Vocabulary) -> int:
    if not text.lstrip("-").isdigit() or not UNKNOWN <= int(text) < len(vocabulary):
        raise ValueError(
            f"label {text!r} is not one of 0..{len(vocabulary) - 1} of vocabulary"
            f" {vocabulary.name!r}, nor -1 for an unknown class"
        )
    return int(text)


def _name_reader(vocabulary: Vocabulary) -> Any:
    labels: dict[str, set[int]] = {}
    for label, synonyms in enumerate(vocabulary.classes):
        for synonym in synonyms:
            labels.setdefault(name_forms(synonym).forms[2], set()).add(label)
    shown = {name: label for label, name in enumerate(vocabulary.names)}

    def read(text: str, vocabulary: Vocabulary) -> int:
        if not text:
            return UNKNOWN
        if text in shown:
            return shown[text]
        found = labels.get(name_forms(text).forms[2], set())
        if len(found) != 1:
            problem = "has several classes called" if found else "has no class"
            raise ValueError(f"vocabulary {vocabulary.name!r} {problem} {text!r}")
        return next(iter(found))

    return read
