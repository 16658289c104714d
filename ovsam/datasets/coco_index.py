"""Reads annotation files in COCO's format into one plain list per image, checked and counted.

What stops the reading: a file that is missing or no JSON, an entry without a field that is needed,
an id that occurs twice, an annotation of an unknown image, a category that the vocabulary lacks, a
run-length code for another image size. What is left out and counted: crowd regions, boxes without
area inside the image, segmentations without content (of several polygons, those with fewer than three
points), classes and sizes that are not asked for.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ovsam.structures.vocabulary import Vocabulary

#: The command that makes the data of a vocabulary.
PREPARE_DATASET = {"shapes": "shapes"}


@dataclass
class CocoIndex:
    """The kept annotations of one file.

    Attributes:
        images: one entry per image, by ascending id: `img_id`, `file_name`, `height`, `width` (px,
            original) and `instances`, a list of `annotation_id`, `label`, `bbox` [x0, y0, x1, y1]
            (px, original, inside the image) and `segmentation` as in the file.
        skipped: reason -> number of annotations left out.
    """

    images: list[dict[str, Any]]
    skipped: Counter[str] = field(default_factory=Counter)


def prepare_hint(vocabulary_name: str) -> str:
    """What to run where data of a vocabulary are missing."""
    name = PREPARE_DATASET.get(vocabulary_name)
    if name is None:
        return "see data/README.md for the expected tree"
    return f"run `python tools/prepare_data.py {name}`"


def read_json(path: Path, hint: str) -> Any:
    """Parse a JSON file.

    Raises:
        FileNotFoundError: it is missing; the message ends with `hint`.
        ValueError: it is broken.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; {hint}") from None
    except ValueError as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}); {hint} (--force replaces a damaged set)"
        ) from None


def read_coco_index(
    path: Path, *, vocabulary: Vocabulary, kept_labels: Collection[int], min_box_side: float = 0.0
) -> CocoIndex:
    """Read the annotations of some classes. Of all other annotations nothing but the class is read.

    Args:
        path: annotation file.
        vocabulary: maps category ids to labels.
        kept_labels: labels whose annotations are kept.
        min_box_side: boxes with a shorter side than this (px, original) are left out.

    Raises:
        FileNotFoundError: no such file; the message names the command that makes it.
        ValueError: the file is broken or belongs to another vocabulary (see the module's text).
    """
    content = read_json(path, prepare_hint(vocabulary.name))
    images = _read_images(path, content)
    label_of_category = vocabulary.label_of_category
    kept_labels = frozenset(kept_labels)
    index = CocoIndex(images=[images[key] for key in sorted(images)])
    seen: set[int] = set()
    for annotation in content["annotations"]:
        identity = annotation.get("id")
        try:
            label = label_of_category[annotation["category_id"]]
            image = images[annotation["image_id"]]
        except KeyError:
            raise ValueError(f"{path}: {_why_unplaced(annotation, images, vocabulary)}") from None
        if identity in seen:
            raise ValueError(f"{path}: annotation id {identity} occurs twice")
        seen.add(identity)
        if label not in kept_labels:
            index.skipped["other classes"] += 1
            continue
        reason = _add_instance(image, annotation, label, min_box_side, path)
        if reason is not None:
            index.skipped[reason] += 1
    return index


def _read_images(path: Path, content: Any) -> dict[Any, dict[str, Any]]:
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise ValueError(
            f"{path} has no lists `images` and `annotations`: not an annotation file of COCO's format"
        )
    if not all(isinstance(row, dict) for row in (*content["images"], *content["annotations"])):
        raise ValueError(f"{path}: `images` and `annotations` must hold objects only")
    images: dict[Any, dict[str, Any]] = {}
    for image in content["images"]:
        # LVIS gives coco_url, whose last two parts are the file's folder and name.
        name = image.get("file_name") or "/".join(image.get("coco_url", "").split("/")[-2:])
        if not name or any(key not in image for key in ("id", "height", "width")):
            raise ValueError(f"{path}: image {image.get('id')} needs id, file_name, height and width")
        if image["id"] in images:
            raise ValueError(f"{path}: image id {image['id']} occurs twice")
        images[image["id"]] = {
            "img_id": image["id"],
            "file_name": name,
            "height": image["height"],
            "width": image["width"],
            "instances": [],
        }
    return images


def _why_unplaced(annotation: Mapping[str, Any], images: Mapping, vocabulary: Vocabulary) -> str:
    name, identity = vocabulary.name, annotation.get("id")
    for key in ("image_id", "category_id"):
        if key not in annotation:
            return f"annotation {identity} has no {key}"
    if annotation["image_id"] not in images:
        return f"annotation {identity} belongs to image {annotation['image_id']}, which is not listed"
    return (
        f"annotation {identity} has category id {annotation['category_id']}, which vocabulary {name!r}"
        f" lacks ({len(vocabulary)} classes, such as {vocabulary.category_ids[0]}"
        f" {vocabulary.names[0]!r}); is it the vocabulary of this file?"
    )


def _add_instance(
    image: dict[str, Any], annotation: Mapping[str, Any], label: int, min_box_side: float, path: Path
) -> str | None:
    """Append one annotation to its image, or say why it is left out."""
    if annotation.get("iscrowd", 0):
        return "crowd regions"
    box, segmentation = annotation.get("bbox"), annotation.get("segmentation")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, (int, float)) for v in box):
        raise ValueError(
            f"{path}: annotation {annotation.get('id')} needs bbox [x, y, w, h], got {box!r}"
        )
    x, y, w, h = box
    corners = [max(x, 0.0), max(y, 0.0), min(x + w, image["width"]), min(y + h, image["height"])]
    sides = (corners[2] - corners[0], corners[3] - corners[1])
    # A comparison with NaN is False, so the test is for what is good.
    if not (math.isfinite(sum(corners)) and min(sides) > 0):
        return "boxes without area"
    if min(sides) < min_box_side:
        return f"boxes with a side below {min_box_side:g} px"
    segmentation = _content_of(segmentation)
    if segmentation is None:
        return "segmentations without content"
    expected = [image["height"], image["width"]]
    if isinstance(segmentation, dict) and list(segmentation.get("size", ())) != expected:
        raise ValueError(
            f"{path}: annotation {annotation.get('id')} is for (h, w) = {segmentation.get('size')},"
            f" its image has {expected}"
        )
    image["instances"].append(
        {
            "annotation_id": annotation.get("id"),
            "label": label,
            "bbox": [float(corner) for corner in corners],
            "segmentation": segmentation,
        }
    )
    return None


def _content_of(segmentation: Any) -> Any:
    """The code, or the polygons with an area; None where there is neither."""
    if isinstance(segmentation, dict):
        return segmentation if segmentation.get("counts") else None
    if not isinstance(segmentation, list):
        return None
    polygons = [p for p in segmentation if isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0]
    return polygons or None
