"""Looks through people's data for what is refused and what is odd, without stopping at the first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ovsam.datasets.coco_index import CocoIndex, describe_odd, index_annotations, with_categories_of
from ovsam.datasets.label_maps import check_values, read_label_map
from ovsam.datasets.pictures import picture_path, read_picture
from ovsam.files import read_json
from ovsam.structures.vocabulary import Vocabulary

Problem = tuple[str, bool]  # in words, and whether it is refused


def check_annotations(
    path: Path, *, images: Path | None, names: Sequence[str] | None, num_named: int, **choices: Any
) -> Iterator[Problem]:
    """Problems of an annotation file of COCO's format and of its pictures.

    Args:
        images: folder of its pictures; None = they are not read.
        names: classes that are kept; None = all.
        num_named: ids that a problem names.
        choices: `with_masks` and `merge_categories` of `index_annotations`.
    """
    refused: list[str] = []
    try:
        content = read_json(path, missing="name the annotation file", damaged="export it again")
        vocabulary = _vocabulary(path, content, names, choices["merge_categories"])
        index = index_annotations(
            content,
            path=path,
            vocabulary=vocabulary,
            kept_labels=vocabulary.base,
            refused=refused,
            **choices,
        )
    except ValueError as error:
        yield str(error), True
        return
    yield from ((f"{path}: {text}", True) for text in refused)
    if not any(image["instances"] for image in index.images):
        yield f"{path}: no annotation is left to train on", True
    if images is not None:
        yield from _problems_of_pictures(index, images)
    twice = [identity for ids in _same(index) if len(ids) > 1 for identity in ids]
    if twice:
        index.odd["annotations that occur twice"] = twice
    lines = describe_odd(index.odd, num_named)
    lines += [f"{number:,} {what} left out" for what, number in index.skipped.items()]
    found = {instance["label"] for image in index.images for instance in image["instances"]}
    empty = [name for label, name in enumerate(vocabulary.names) if label not in found]
    files = Counter(image["file_name"] for image in index.images)
    doubled = [name for name, number in files.items() if number > 1]
    for what, those in (("categories without an annotation", empty), ("pictures listed twice", doubled)):
        if those:
            lines.append(f"{len(those):,} {what}: {', '.join(those[:num_named])}")
    yield from ((f"{path}: {line}", False) for line in lines)


def check_label_maps(folder: Path, *, num_classes: int, ignore_index: int) -> Iterator[Problem]:
    """Label maps that cannot be read, or have a value that is no label."""
    paths = sorted(folder.rglob("*.png"))
    if not paths:
        yield f"folder {folder} holds no label map (*.png)", True
    for path in paths:
        yield from _problem_of_label_map(path, num_classes, ignore_index)


def _problem_of_label_map(path: Path, num_classes: int, ignore_index: int) -> Iterator[Problem]:
    try:
        values = read_label_map(path)
        check_values(values, num_classes=num_classes, ignore_index=ignore_index, name=path)
    except ValueError as error:
        yield str(error), True


def _vocabulary(
    path: Path, content: Any, names: Sequence[str] | None, merge_categories: bool
) -> Vocabulary:
    categories = content.get("categories") if isinstance(content, dict) else None
    if names is None and isinstance(categories, list):
        names = [str(row["name"]) for row in categories if isinstance(row, dict) and "name" in row]
    wanted = Vocabulary.from_names(list(dict.fromkeys(names or ["object"])))
    return with_categories_of(wanted, path, merge_categories=merge_categories)


def _problems_of_pictures(index: CocoIndex, folder: Path) -> Iterator[Problem]:
    for image in index.images:
        size = image["height"], image["width"]
        try:
            found = read_picture(picture_path(folder, image["file_name"]), size=size).shape[:2]
        except (ValueError, OSError) as error:
            yield str(error), True
            continue
        if found != size:
            name = image["file_name"]
            yield f"image {name} has (h, w) = {found}, its annotations are for {size}", True


def _same(index: CocoIndex) -> list[list[Any]]:
    """Ids of annotations with one label, box and mask on one picture."""
    groups: dict[Any, list[Any]] = {}
    for image in index.images:
        for instance in image["instances"]:
            key = (image["img_id"], instance["label"], *instance["bbox"], str(instance["segmentation"]))
            groups.setdefault(key, []).append(instance["annotation_id"])
    return list(groups.values())
