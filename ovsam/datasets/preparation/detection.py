"""Checks V3Det and Objects365 v2: annotations, classes, and the pictures they list."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ovsam.datasets.coco_index import CocoIndex, index_annotations, read_annotations
from ovsam.datasets.detection import name_in_objects365, name_in_v3det, with_file_ids
from ovsam.datasets.preparation.checks import (
    Options,
    Picture,
    Source,
    TreeReport,
    check_pictures,
    listed,
)
from ovsam.datasets.vocabularies import get_vocabulary


class BoxedSplit(NamedTuple):
    """An annotation file with boxes, as published."""

    ann_file: str  # below the data set's folder
    num_images: int
    folder: str  # of its pictures


class BoxedTree(NamedTuple):
    """A detection data set as published."""

    vocabulary: str
    source: Source
    splits: dict[str, BoxedSplit]
    file_name: Callable[[str], str | None]  # name in the annotations -> place below the folder


BOXED_TREES = {
    "v3det": BoxedTree(
        "v3det",
        Source("V3Det", "243,000 images", "https://v3det.openxlab.org.cn (annotations: CC BY 4.0)"),
        {
            "train": BoxedSplit("annotations/v3det_2023_v1_train.json", 183_354, ""),
            "val": BoxedSplit("annotations/v3det_2023_v1_val.json", 29_821, ""),
        },
        name_in_v3det,
    ),
    "objects365": BoxedTree(
        "objects365",
        Source("Objects365 v2", "345 GB", "https://www.objects365.org (annotations: CC BY 4.0)"),
        {
            "train": BoxedSplit("annotations/zhiyuan_objv2_train.json", 1_742_292, "train"),
            "val": BoxedSplit("annotations/zhiyuan_objv2_val.json", 80_000, "val"),
        },
        name_in_objects365,
    ),
}


def check_boxed(name: str, root: Path, options: Options, splits: Sequence[str]) -> TreeReport:
    """Check `splits` of a data set of `BOXED_TREES`; changes nothing."""
    report, tree = TreeReport(), BOXED_TREES[name]
    for split in splits:
        published = tree.splits[split]
        index = _read(report, root / published.ann_file, tree, published)
        if index is not None:
            _check_files(report, root / published.folder, published, index, tree, options)
    return report


def _read(report: TreeReport, path: Path, tree: BoxedTree, published: BoxedSplit) -> CocoIndex | None:
    """The index of an annotation file; None where it cannot be used."""
    if not path.is_file():
        report.missing.append(f"{path}: from {tree.source}")
        return None
    own, refused = get_vocabulary(tree.vocabulary), []
    try:
        content = read_annotations(path, own)
        vocabulary = with_file_ids(own, content, path)
        index = index_annotations(
            content,
            path=path,
            vocabulary=vocabulary,
            kept_labels=range(len(own)),
            with_masks=False,
            refused=refused,
        )
    except (ValueError, TypeError) as error:
        report.broken.append(f"{error} [{tree.source}]")
        return None
    if refused:
        report.broken.append(f"{path}: {len(refused):,} annotations are broken: {listed(refused)}")
    number = len(index.images)
    known = f"published are {published.num_images:,}"
    note = "" if number == published.num_images else f" (changed: {known})"
    labels = {instance["label"] for image in index.images for instance in image["instances"]}
    boxes = sum(len(image["instances"]) for image in index.images)
    report.found.append(
        f"{path}: {number:,} images{note}, {boxes:,} boxes of {len(labels):,} of {len(own):,} classes"
    )
    if index.skipped:
        left_out = ", ".join(f"{n:,} {reason}" for reason, n in index.skipped.items())
        report.found.append(f"  left out: {left_out}")
    return index


def _check_files(
    report: TreeReport,
    folder: Path,
    published: BoxedSplit,
    index: CocoIndex,
    tree: BoxedTree,
    options: Options,
) -> None:
    """Look for every picture that an annotation file lists, and decode it if asked for."""
    files: dict[Path, set[str]] = {}
    pictures, absent, unpublished = [], [], 0
    for image in index.images:
        name = tree.file_name(image["file_name"])
        if name is None:
            unpublished += 1
            continue
        path = folder / name
        if path.parent not in files:
            files[path.parent] = set(os.listdir(path.parent)) if path.parent.is_dir() else set()
        if path.name not in files[path.parent]:
            absent.append(name)
        else:
            size = partial(tuple, (image["height"], image["width"]))
            pictures.append(Picture(str(path), path.read_bytes, size))
    if unpublished:
        report.found.append(f"  {unpublished:,} listed pictures were never published")
    if absent:
        report.missing.append(
            f"{folder}: {len(absent):,} of the {len(absent) + len(pictures):,} pictures in"
            f" {published.ann_file} ({listed(absent)}): from {tree.source}"
        )
    else:
        report.found.append(f"{folder}: all {len(pictures):,} pictures of {published.ann_file}")
    if options.with_pictures:
        check_pictures(report, published.ann_file, pictures, options)
