"""Looks through people's data for what is refused and what is odd, without stopping at the first."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ovsam.datasets.broken import one_line, scan
from ovsam.datasets.coco_index import CocoIndex, describe_odd, index_annotations, with_categories_of
from ovsam.datasets.label_maps import check_values, read_label_map
from ovsam.datasets.pictures import picture_path, read_picture
from ovsam.files import read_json
from ovsam.structures.vocabulary import Vocabulary

FORMAT = 1  # of a report


class Problem(NamedTuple):
    """What is wrong."""

    kind: str  # `annotation file`, `annotation`, `image` or `label map`
    text: str
    is_refused: bool  # else it is read, but odd


@dataclass
class Report:
    """What was looked at, and what was found."""

    problems: list[Problem] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)  # by kind

    def add(self, kind: str, *texts: str, is_refused: bool = True) -> None:
        """Add problems of one kind."""
        self.problems += [Problem(kind, text, is_refused) for text in texts]

    @property
    def refused(self) -> Counter[str]:
        """Number of refused things by kind."""
        return Counter(problem.kind for problem in self.problems if problem.is_refused)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "format": FORMAT,
            "clean": not self.refused,
            "checked": dict(self.checked),
            "refused": dict(self.refused),
            "problems": [problem._asdict() for problem in self.problems],
        }


def check_annotations(
    report: Report,
    path: Path,
    *,
    images: Path | None,
    names: Sequence[str] | None,
    num_named: int,
    workers: int | None = None,
    **choices: Any,
) -> None:
    """Add the problems of an annotation file of COCO's format and of its pictures.

    Args:
        report: takes them.
        path: the file.
        images: folder of its pictures; None = they are not read.
        names: classes that are kept; None = all.
        num_named: ids that a problem names.
        workers: processes that decode pictures, see `broken.scan`.
        choices: `with_masks` and `merge_categories` of `index_annotations`.
    """
    report.checked["annotation file"] += 1
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
        report.add("annotation file", one_line(error))
        return
    report.checked["annotation"] += len(content["annotations"])
    report.add("annotation", *(f"{path}: {text}" for text in refused))
    if not any(image["instances"] for image in index.images):
        report.add("annotation file", f"{path}: no annotation is left to train on")
    if images is not None:
        _scan(report, "image", _PictureCheck(index, images), len(index.images), workers)
    report.add("annotation", *_odd_lines(path, index, vocabulary, num_named), is_refused=False)


def check_label_maps(
    report: Report, folder: Path, *, num_classes: int, ignore_index: int, workers: int | None = None
) -> None:
    """Add label maps that cannot be read, or have a value that is no label; see `check_annotations`."""
    paths = sorted(folder.rglob("*.png"))
    if not paths:
        report.add("label map", f"folder {folder} holds no label map (*.png)")
    _scan(report, "label map", _LabelMapCheck(paths, num_classes, ignore_index), len(paths), workers)


def _scan(
    report: Report, kind: str, check: Callable[[int], str], number: int, workers: int | None
) -> None:
    report.checked[kind] += number
    report.add(kind, *filter(None, scan(check, number, workers)))


class _PictureCheck:
    """What is wrong with the picture of the n-th image of an index."""

    def __init__(self, index: CocoIndex, folder: Path) -> None:
        self.images = [(image["file_name"], image["height"], image["width"]) for image in index.images]
        self.folder = folder

    def __call__(self, place: int) -> str:
        name, *size = self.images[place]
        try:
            found = read_picture(picture_path(self.folder, name), size=(size[0], size[1])).shape[:2]
        except (ValueError, OSError) as error:
            return one_line(error)
        if found != tuple(size):
            return f"image {name} has (h, w) = {found}, its annotations are for {tuple(size)}"
        return ""


class _LabelMapCheck:
    """What is wrong with the n-th label map."""

    def __init__(self, paths: Sequence[Path], num_classes: int, ignore_index: int) -> None:
        self.paths, self.num_classes, self.ignore_index = paths, num_classes, ignore_index

    def __call__(self, place: int) -> str:
        path = self.paths[place]
        limits = dict(num_classes=self.num_classes, ignore_index=self.ignore_index)
        try:
            check_values(read_label_map(path), **limits, name=path)
        except (ValueError, OSError) as error:
            return one_line(error)
        return ""


def _vocabulary(
    path: Path, content: Any, names: Sequence[str] | None, merge_categories: bool
) -> Vocabulary:
    categories = content.get("categories") if isinstance(content, dict) else None
    if names is None and isinstance(categories, list):
        names = [str(row["name"]) for row in categories if isinstance(row, dict) and "name" in row]
    wanted = Vocabulary.from_names(list(dict.fromkeys(names or ["object"])))
    return with_categories_of(wanted, path, merge_categories=merge_categories)


def _odd_lines(path: Path, index: CocoIndex, vocabulary: Vocabulary, num_named: int) -> list[str]:
    """What is read but looks wrong, or is left out."""
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
    return [f"{path}: {line}" for line in lines]


def _same(index: CocoIndex) -> list[list[Any]]:
    """Ids of annotations with one label, box and mask on one picture."""
    groups: dict[Any, list[Any]] = {}
    for image in index.images:
        for instance in image["instances"]:
            key = (image["img_id"], instance["label"], *instance["bbox"], str(instance["segmentation"]))
            groups.setdefault(key, []).append(instance["annotation_id"])
    return list(groups.values())
