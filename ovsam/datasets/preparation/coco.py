"""Checks COCO 2017 and, by the same means, what else is annotated in its format on its images."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ovsam.datasets.coco_index import CocoIndex, index_annotations, read_annotations
from ovsam.datasets.preparation.checks import (
    Picture,
    Progress,
    Source,
    TreeReport,
    check_pictures,
    describe_index,
    listed,
)
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

#: Folder of images -> its archive and the number of pictures in it.
IMAGE_FOLDERS = {
    "train2017": (
        Source("train2017.zip", "18 GB", "http://images.cocodataset.org/zips/train2017.zip"),
        118_287,
    ),
    "val2017": (
        Source("val2017.zip", "1 GB", "http://images.cocodataset.org/zips/val2017.zip"),
        5_000,
    ),
}
ANNOTATIONS = Source(
    "annotations_trainval2017.zip",
    "241 MB",
    "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
)


class AnnotatedSplit(NamedTuple):
    """An annotation file as its publisher made it.

    Attributes:
        ann_file: below the data set's folder.
        source: where it is from.
        num_images: entries of `images` in the published file.
        num_annotations: entries of `annotations` in it.
        image_prefix: what comes before the file's image names, below the folder of the images.
    """

    ann_file: str
    source: Source
    num_images: int
    num_annotations: int
    image_prefix: str = ""


SPLITS = {
    "train": AnnotatedSplit(
        "annotations/instances_train2017.json", ANNOTATIONS, 118_287, 860_001, "train2017"
    ),
    "val": AnnotatedSplit("annotations/instances_val2017.json", ANNOTATIONS, 5_000, 36_781, "val2017"),
}


def check_coco(
    root: Path, *, splits: Sequence[str], with_pictures: bool, workers: int, progress: Progress
) -> TreeReport:
    """Check the tree of COCO 2017 with the open-vocabulary split. Changes nothing.

    Args:
        root: its folder; see data/README.md.
        splits: `train`, `val` or both.
        with_pictures: decode every picture too.
        workers: threads that decode.
        progress: called with (done, in all) during every longer step.
    """
    report, vocabulary = TreeReport(), get_vocabulary("coco_48_17")
    for split in (SPLITS[name] for name in splits):
        content, index = check_annotations(report, root, split, vocabulary, progress)
        del content
        if index is None:
            check_folder(report, root, split.image_prefix)
            continue
        check_images(report, root, split, index)
        if with_pictures:
            pictures = pictures_of(root, split, index)
            check_pictures(report, split.ann_file, pictures, workers=workers, progress=progress)
    return report


def check_annotations(
    report: TreeReport, root: Path, split: AnnotatedSplit, vocabulary: Vocabulary, progress: Progress
) -> tuple[Any, CocoIndex | None]:
    """Read an annotation file whole.

    Returns:
        Its content, and its index with all labels kept; None for both where it cannot be used.
    """
    path = root / split.ann_file
    if not path.is_file():
        report.missing.append(f"{path}: {split.source}, to be unpacked in {root}")
        return None, None
    try:
        content = read_annotations(path, vocabulary)
        index = index_annotations(
            content, path=path, vocabulary=vocabulary, kept_labels=range(len(vocabulary))
        )
        lines = describe_index(index, vocabulary, progress)
    except (ValueError, TypeError) as error:
        report.broken.append(f"{error} [{split.source}]")
        return None, None
    numbers = len(index.images), len(content["annotations"])
    published = split.num_images, split.num_annotations
    note = (
        ""
        if numbers == published
        else f" (a subset or change of the published {published[0]:,}, {published[1]:,})"
    )
    report.found.append(f"{path}: {numbers[0]:,} images, {numbers[1]:,} annotations{note}")
    report.found += [f"  {line}" for line in lines]
    return content, index


def check_images(report: TreeReport, root: Path, split: AnnotatedSplit, index: CocoIndex) -> None:
    """Look for the file of every image that an annotation file lists."""
    names_of_folder: dict[str, list[str]] = {}
    for image in index.images:
        folder, _, name = f"{split.image_prefix}/{image['file_name']}".lstrip("/").rpartition("/")
        names_of_folder.setdefault(folder, []).append(name)
    for folder, names in sorted(names_of_folder.items()):
        if not (root / folder).is_dir():
            check_folder(report, root, folder)
            continue
        with os.scandir(root / folder) as entries:
            there = {entry.name for entry in entries}
        absent = [name for name in names if name not in there]
        if absent:
            report.missing.append(
                f"{root / folder}: {len(absent):,} of the {len(names):,} pictures in {split.ann_file}"
                f" ({listed(absent)}): {_source_of(folder)}"
            )
        else:
            report.found.append(f"{root / folder}: all {len(names):,} pictures of {split.ann_file}")


def check_folder(report: TreeReport, root: Path, folder: str) -> None:
    """Report a folder of images if it is missing."""
    if (root / folder).is_dir():
        return
    number = f", {IMAGE_FOLDERS[folder][1]:,} pictures" if folder in IMAGE_FOLDERS else ""
    line = f"{root / folder}{number}: {_source_of(folder)}, to be unpacked in {root}"
    if line not in report.missing:
        report.missing.append(line)


def pictures_of(root: Path, split: AnnotatedSplit, index: CocoIndex) -> list[Picture]:
    """The pictures of an annotation file that are there."""
    pictures = []
    for image in index.images:
        path = root / split.image_prefix / image["file_name"]
        size = image["height"], image["width"]
        if path.is_file():
            pictures.append(Picture(str(path), path.read_bytes, partial(tuple, size)))
    return pictures


def _source_of(folder: str) -> str:
    return str(IMAGE_FOLDERS[folder][0]) if folder in IMAGE_FOLDERS else "the publisher of this file"
