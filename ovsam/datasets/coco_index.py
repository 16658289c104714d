"""Reads annotation files in COCO's format into one plain list per image, checked and counted.

What stops the reading: a file that is missing or no JSON, an entry without a field that is needed,
an id that occurs twice, an annotation of an unknown image, a category that the vocabulary lacks or
calls otherwise, a segmentation in no known form, of another image size, cut, or not finite. What is left
out and counted: crowd regions, boxes without area inside the image, segmentations without content (of
several polygons, those with fewer than three points), classes and sizes that are not asked for. What is
kept and named: boxes that do not touch their masks, areas that are not those of their masks.
"""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ovsam.files import read_json
from ovsam.ops.annotations import as_segmentation, bounds_of_segmentation, corners_of_box
from ovsam.ops.masks import areas_of_segmentations
from ovsam.structures.vocabulary import Vocabulary

#: Vocabulary -> what `prepare_data` calls the data set that it belongs to.
PREPARE_DATASET = {
    "shapes": "shapes", "shapes_boxes": "shapes_sources", "shapes_labels": "shapes_sources",
    "coco_48_17": "coco", "lvis_v1": "lvis", "v3det": "v3det", "objects365": "objects365",
}  # fmt: skip


@dataclass
class CocoIndex:
    """The kept annotations of one file."""

    # one entry per image, by ascending id: `img_id`, `file_name`, `height`, `width` (px, original) and
    # `instances`, a list of `annotation_id`, `label`, `bbox` [x0, y0, x1, y1] (px, original, inside the
    # image) and `segmentation` as in the file
    images: list[dict[str, Any]]
    skipped: Counter[str] = field(default_factory=Counter)  # reason -> annotations left out
    # what is wrong -> ids of annotations that are kept all the same
    odd: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))


def prepare_hint(vocabulary_name: str, *, is_damaged: bool = False) -> str:
    """What to run where data of a vocabulary are missing or damaged."""
    name = PREPARE_DATASET.get(vocabulary_name)
    if name is None:
        return (
            "configs/custom/README.md has the tree of your own data, data/README.md that of known sets"
        )
    command = f"run `python tools/prepare_data.py {name}`"
    if name.startswith("shapes"):
        return f"{command} (--force replaces a damaged set)" if is_damaged else command
    if is_damaged:
        return f"remove it and {command}, which says where it is from"
    return f"{command}, which says what is missing and where it is from"


def read_coco_index(path: Path, *, vocabulary: Vocabulary, **choices: Any) -> CocoIndex:
    """Read an annotation file; the choices are those of `index_annotations`.

    Raises:
        FileNotFoundError: no such file; the message names the command that makes it.
        ValueError: the file is broken or belongs to another vocabulary (see the module's text).
    """
    content = read_annotations(path, vocabulary)
    return index_annotations(content, path=path, vocabulary=vocabulary, **choices)


def read_annotations(path: Path, vocabulary: Vocabulary) -> Any:
    """The content of an annotation file, unchecked; see `read_json` for the errors."""
    damaged = prepare_hint(vocabulary.name, is_damaged=True)
    return read_json(path, missing=prepare_hint(vocabulary.name), damaged=damaged)


def index_annotations(
    content: Any,
    *,
    path: Path,
    vocabulary: Vocabulary,
    kept_labels: Collection[int],
    min_box_side: float = 0.0,
    merge_categories: bool = False,
    with_masks: bool = True,
    refused: list[str] | None = None,
) -> CocoIndex:
    """Index the annotations of some classes. Of all others nothing but the class is read.

    Args:
        content: of the file, which is not changed.
        path: names the file in errors.
        vocabulary: maps category ids to labels.
        kept_labels: labels whose annotations are kept.
        min_box_side: boxes with a shorter side than this (px, original) are left out.
        merge_categories: of several categories of one name, all count as the first.
        with_masks: leave out annotations that have only a box; without, no segmentation is read, and
            `segmentation` is the box as a polygon.
        refused: takes the errors of single annotations, which are left out then.

    Raises:
        ValueError: the file is broken or belongs to another vocabulary (see the module's text).
    """
    images = _read_images(path, content)
    _check_class_names(path, content.get("categories"), vocabulary)
    label_of_category = vocabulary.label_of_category
    if merge_categories:
        label_of_category = label_of_category | {
            other: label_of_category[ids[0]]
            for ids in _ids_by_name(content.get("categories") or []).values()
            for other in ids[1:]
            if ids[0] in label_of_category
        }
    image_kind, category_kind = type(next(iter(images), 0)), type(vocabulary.category_ids[0])
    kept_labels = frozenset(kept_labels)
    index = CocoIndex(images=[images[key] for key in sorted(images)])
    seen: set[int] = set()

    def place_of(annotation: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        name = f"annotation {annotation.get('id')}"
        for key in ("id", "image_id", "category_id"):
            if not isinstance(annotation.get(key), (int, float, str)):
                raise ValueError(f"{name} has no {key} that is a number or text")
        image = images.get(_id_as(image_kind, annotation["image_id"]))
        label = label_of_category.get(_id_as(category_kind, annotation["category_id"]))
        if image is None:
            raise ValueError(f"{name} belongs to image {annotation['image_id']}, which is not listed")
        if label is None:
            _refuse_one_name(content.get("categories") or [])
            raise ValueError(
                f"{name} has category id {annotation['category_id']}, which vocabulary"
                f" {vocabulary.name!r} lacks ({len(vocabulary)} classes, such as"
                f" {vocabulary.category_ids[0]} {vocabulary.names[0]!r}); is it the vocabulary of this"
                " file?"
            )
        return label, image

    for annotation in content["annotations"]:
        identity = annotation.get("id")
        try:
            label, image = place_of(annotation)
            if identity in seen:
                raise ValueError(f"annotation id {identity} occurs twice")
            seen.add(identity)
            if label not in kept_labels:
                index.skipped["other classes"] += 1
                continue
            reason = _add_instance(image, annotation, label, min_box_side, index.odd, with_masks)
        except ValueError as error:
            if refused is None:
                raise ValueError(f"{path}: {error}") from None
            refused.append(str(error))
            continue
        if reason is not None:
            index.skipped[reason] += 1
    return index


def describe_odd(odd: Mapping[str, Sequence[Any]], num_named: int = 5) -> list[str]:
    """Lines that count what is odd and name the first annotations."""
    return [
        f"{len(ids):,} {what} (annotations {', '.join(map(str, ids[:num_named]))}"
        + (", ...)" if len(ids) > num_named else ")")
        for what, ids in odd.items()
    ]


def with_categories_of(
    vocabulary: Vocabulary, path: Path, *, merge_categories: bool = False
) -> Vocabulary:
    """A vocabulary of names with the category ids that an annotation file gives them.

    The labels stay; the file's other categories follow as classes that are neither base nor novel.
    `merge_categories` takes the first of several categories of one name, which are refused otherwise.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a name that the file lacks, or has twice, or a file without categories.
    """
    content = read_json(path, missing="the config names this annotation file", damaged="export it again")
    categories = content.get("categories") if isinstance(content, dict) else None
    is_list = isinstance(categories, list) and categories
    if not is_list or not all(_is_category(row) and "name" in row for row in categories):
        raise ValueError(f"{path} has no list `categories` of id and name")
    if not merge_categories:
        _refuse_one_name(categories, f"{path}: ")
    ids = {name: ids_of_name[0] for name, ids_of_name in _ids_by_name(categories).items()}
    for name in vocabulary.names:
        if name not in ids:
            near = difflib.get_close_matches(name, list(ids), n=3) or list(ids)[:10]
            raise ValueError(f"{path} has no category {name!r}; it has {', '.join(near)}")
    others = [name for name in ids if name not in set(vocabulary.names)]
    return Vocabulary(
        name=vocabulary.name,
        classes=(*vocabulary.classes, *((name,) for name in others)),
        base=vocabulary.base,
        novel=vocabulary.novel,
        category_ids=tuple(ids[name] for name in (*vocabulary.names, *others)),
    )


def _ids_by_name(categories: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for category in categories:
        found.setdefault(str(category.get("name", category["id"])), []).append(category["id"])
    return found


def _refuse_one_name(categories: Sequence[Mapping[str, Any]], place: str = "") -> None:
    for name, ids in _ids_by_name(categories).items():
        if len(ids) > 1:
            raise ValueError(
                f"{place}{len(ids)} categories are called {name!r} (ids {' and '.join(map(str, ids))}):"
                " rename one, or set merge_categories=True in the data set's config"
            )


def _id_as(kind: type, given: Any) -> Any:
    """An id, as number or text like the others of its list: some tools write both."""
    return given if isinstance(given, kind) or not str(given).isdigit() else kind(given)


def _read_images(path: Path, content: Any) -> dict[Any, dict[str, Any]]:
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise ValueError(
            f"{path} has no lists `images` and `annotations`: not an annotation file of COCO's format"
        )
    if not all(isinstance(row, dict) for row in (*content["images"], *content["annotations"])):
        raise ValueError(f"{path}: `images` and `annotations` must hold objects only")
    categories = content.get("categories") or []
    if not isinstance(categories, list) or not all(map(_is_category, categories)):
        raise ValueError(f"{path}: `categories` must hold objects with an id that is a number or text")
    images: dict[Any, dict[str, Any]] = {}
    for image in content["images"]:
        # LVIS gives coco_url, whose last two parts are the file's folder and name.
        name = image.get("file_name") or "/".join(str(image.get("coco_url") or "").split("/")[-2:])
        is_named = name and isinstance(name, str) and isinstance(image.get("id"), (int, float, str))
        if not is_named or any(key not in image for key in ("height", "width")):
            raise ValueError(f"{path}: image {image.get('id')} needs id, file_name, height and width")
        size = image["height"], image["width"]
        if not all(map(_is_side, size)):
            raise ValueError(
                f"{path}: image {image['id']} has (height, width) = {size}, expected whole numbers of px"
            )
        if image["id"] in images:
            raise ValueError(f"{path}: image id {image['id']} occurs twice")
        images[image["id"]] = {
            "img_id": image["id"],
            "file_name": name,
            "height": int(size[0]),
            "width": int(size[1]),
            "instances": [],
        }
    if len({isinstance(identity, str) for identity in images}) > 1:
        raise ValueError(f"{path}: ids of images are text and numbers; write all in one way")
    return images


def _is_side(value: Any) -> bool:
    return isinstance(value, (int, float)) and 1 <= value < 1 << 31 and value % 1 == 0


def _is_category(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), (int, float, str))


def _check_class_names(path: Path, categories: Any, vocabulary: Vocabulary) -> None:
    """Small ids fit any large vocabulary (COCO's fit LVIS): the file's own names tell them apart."""
    label_of_category = vocabulary.label_of_category
    pairs = [
        (str(row["name"]), vocabulary.classes[label_of_category[row["id"]]])
        for row in categories or []
        if isinstance(row, dict) and row.get("name") and row.get("id") in label_of_category
    ]
    others = [(name, synonyms) for name, synonyms in pairs if _plain(name) not in map(_plain, synonyms)]
    # Some names are spelt out in the vocabulary ("orange" is "orange fruit"), so a few may differ.
    if 2 * len(others) > len(pairs):
        name, synonyms = others[0]
        raise ValueError(
            f"{path} is not of vocabulary {vocabulary.name!r}: {len(others)} of {len(pairs)} categories"
            f" have other names, such as {name!r} where the vocabulary has {synonyms[0]!r}"
        )


def _plain(name: str) -> str:
    return " ".join(re.findall("[a-z0-9]+", name.lower()))


def _add_instance(
    image: dict[str, Any],
    annotation: Mapping[str, Any],
    label: int,
    min_box_side: float,
    odd: defaultdict[str, list[Any]],
    with_masks: bool,
) -> str | None:
    """Append one annotation to its image, or say why it is left out; ValueError where it is broken."""
    if annotation.get("iscrowd") not in (None, 0, "0"):
        return "crowd regions"
    size = image["height"], image["width"]
    try:
        corners = corners_of_box(annotation.get("bbox"), size)
        segmentation = as_segmentation(annotation.get("segmentation"), size) if with_masks else None
    except ValueError as error:
        place = f"annotation {annotation.get('id')} of {image['file_name']}"
        raise ValueError(f"{place}: {error}; mend or remove it") from None
    if corners is None:
        return "boxes without area"
    if min(corners[2] - corners[0], corners[3] - corners[1]) < min_box_side:
        return f"boxes with a side below {min_box_side:g} px"
    if not with_masks:
        left, top, right, bottom = corners
        segmentation = [[left, top, right, top, right, bottom, left, bottom]]
    if segmentation is None:
        return "segmentations without content"
    left, top, right, bottom = bounds_of_segmentation(segmentation)
    if min(right, corners[2]) < max(left, corners[0]) or min(bottom, corners[3]) < max(top, corners[1]):
        odd["boxes that do not touch their masks"].append(annotation.get("id"))
    elif isinstance(segmentation, dict) and (given := annotation.get("area")):
        area = int(areas_of_segmentations([segmentation], size)[0])
        if not isinstance(given, (int, float)) or not given <= 2 * area or not area <= 2 * given:
            odd["areas that are not those of their masks"].append(annotation.get("id"))
    bbox = [float(corner) for corner in corners]
    instance = dict(
        annotation_id=annotation.get("id"), label=label, bbox=bbox, segmentation=segmentation
    )
    image["instances"].append(instance)
    return None
