"""Checks COCO 2017, and other annotations in its format on its images."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ovsam.datasets.coco_index import CocoIndex, index_annotations, read_annotations
from ovsam.datasets.preparation.checks import (
    Options,
    Picture,
    Source,
    TreeReport,
    check_pictures,
    describe_index,
    listed,
)
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

ADDRESS = "http://images.cocodataset.org"
#: Folder of images -> its archive and the number of pictures in it.
IMAGE_FOLDERS = {
    "train2017": (Source("train2017.zip", "18 GB", f"{ADDRESS}/zips/train2017.zip"), 118_287),
    "val2017": (Source("val2017.zip", "1 GB", f"{ADDRESS}/zips/val2017.zip"), 5_000),
}
ANNOTATIONS = Source(
    "annotations_trainval2017.zip", "241 MB", f"{ADDRESS}/annotations/annotations_trainval2017.zip"
)


class AnnotatedSplit(NamedTuple):
    """An annotation file as published."""

    ann_file: str  # below the data set's folder
    source: Source
    num_images: int
    num_annotations: int
    folders: tuple[str, ...]  # of its images
    image_prefix: str = ""  # comes before the file's image names, below the folder of the images


SPLITS = {
    name: AnnotatedSplit(
        f"annotations/instances_{name}2017.json", ANNOTATIONS, *numbers, (f"{name}2017",), f"{name}2017"
    )
    for name, numbers in (("train", (118_287, 860_001)), ("val", (5_000, 36_781)))
}


def check_coco(root: Path, options: Options, splits: Sequence[str]) -> TreeReport:
    """Check `splits` of COCO 2017 with the open-vocabulary classes; changes nothing."""
    report, vocabulary = TreeReport(), get_vocabulary("coco_48_17")
    for split in splits:
        check_split(report, root, SPLITS[split], vocabulary, options, images=root)
    return report


def check_split(
    report: TreeReport,
    root: Path,
    split: AnnotatedSplit,
    vocabulary: Vocabulary,
    options: Options,
    *,
    images: Path,
    confirm: Callable[[Any], None] = lambda content: None,
) -> Any:
    """Check an annotation file and the pictures that it lists below `images`.

    `confirm` is called with the file's content and raises ValueError where that is not `split`.

    Returns:
        The file's content; None where it cannot be used.
    """
    read = _read_annotations(report, root, split, vocabulary, options, confirm)
    if read is None:
        for folder in split.folders:
            _check_folder(report, images, folder)
        return None
    content, index = read
    _check_images(report, images, split, index)
    if options.with_pictures:
        pictures = []
        for image in index.images:
            path = images / split.image_prefix / image["file_name"]
            size = partial(tuple, (image["height"], image["width"]))
            if path.is_file():
                pictures.append(Picture(str(path), path.read_bytes, size))
        check_pictures(report, split.ann_file, pictures, options)
    return content


def _read_annotations(
    report: TreeReport,
    root: Path,
    split: AnnotatedSplit,
    vocabulary: Vocabulary,
    options: Options,
    confirm: Callable[[Any], None],
) -> tuple[Any, CocoIndex] | None:
    """Content of an annotation file, and its index with all labels kept."""
    path = root / split.ann_file
    if not path.is_file():
        report.missing.append(f"{path}: unpack {split.source} in {root}")
        return None
    try:
        content = read_annotations(path, vocabulary)
        index = index_annotations(
            content, path=path, vocabulary=vocabulary, kept_labels=range(len(vocabulary))
        )
        confirm(content)
        lines = describe_index(index, vocabulary, options)
    except (ValueError, TypeError) as error:
        report.broken.append(f"{error} [{split.source}]")
        return None
    numbers = len(index.images), len(content["annotations"])
    note = ""
    if numbers != (split.num_images, split.num_annotations):
        note = f" (changed: published are {split.num_images:,} and {split.num_annotations:,})"
    report.found.append(f"{path}: {numbers[0]:,} images, {numbers[1]:,} annotations{note}")
    report.found += [f"  {line}" for line in lines]
    return content, index


def _check_images(report: TreeReport, root: Path, split: AnnotatedSplit, index: CocoIndex) -> None:
    """Look for the file of every image that an annotation file lists."""
    names_of_folder: dict[str, list[str]] = {}
    for image in index.images:
        folder, _, name = f"{split.image_prefix}/{image['file_name']}".lstrip("/").rpartition("/")
        names_of_folder.setdefault(folder, []).append(name)
    for folder, names in sorted(names_of_folder.items()):
        if not (root / folder).is_dir():
            _check_folder(report, root, folder)
            continue
        there = set(os.listdir(root / folder))
        absent = [name for name in names if name not in there]
        if absent:
            report.missing.append(
                f"{root / folder}: {len(absent):,} of the {len(names):,} pictures in {split.ann_file}"
                f" ({listed(absent)}): {_source_of(folder)}"
            )
        else:
            report.found.append(f"{root / folder}: all {len(names):,} pictures of {split.ann_file}")


def _check_folder(report: TreeReport, root: Path, folder: str) -> None:
    """Report a folder of images once if it is missing."""
    number = f", {IMAGE_FOLDERS[folder][1]:,} pictures" if folder in IMAGE_FOLDERS else ""
    line = f"{root / folder}{number}: unpack {_source_of(folder)} in {root}"
    if not (root / folder).is_dir() and line not in report.missing:
        report.missing.append(line)


def _source_of(folder: str) -> str:
    return str(IMAGE_FOLDERS[folder][0]) if folder in IMAGE_FOLDERS else "the publisher's archive"
