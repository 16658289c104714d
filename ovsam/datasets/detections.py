"""Boxes of a detector as prompts: reads a result file of COCO's format for the images of a data set."""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.coco_index import read_annotations, read_coco_index
from ovsam.datasets.coco_ov import describe_vocabulary, place_pictures
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.files import read_json
from ovsam.interfaces import Size
from ovsam.ops.annotations import are_finite, are_numbers, corners_of_box
from ovsam.registry import DATASETS, passes_options_to
from ovsam.structures.vocabulary import Vocabulary

UNKNOWN_LABEL = -1
#: px, original; a thinner box may lose its area when it is scaled.
MIN_SIDE = 1e-3
LARGEST_SCORE = 1e30  # float32 holds it
HINT = "tools/detect.py makes one; docs/evaluation.md says how to make one with other detectors"


@dataclass(frozen=True)
class Detections:
    """The boxes of one image, in the order of the file."""

    boxes: NDArray[np.float32]  # (n, 4) xyxy px, original, inside the image
    labels: NDArray[np.int64]  # (n,) in vocabulary order, -1 for a class that the vocabulary lacks
    scores: NDArray[np.float32]  # (n,)


def read_detections(
    path: Path,
    *,
    image_sizes: Mapping[int, Size],
    label_of_category: Mapping[int, int],
    score_floor: float = 0.0,
    needs_labels: bool = False,
) -> tuple[dict[int, Detections], Counter[str]]:
    """Read a result file: a list of `image_id`, `category_id`, `bbox` [x, y, w, h] px, `score`.

    Args:
        path: JSON file. A detector's masks in it are not read.
        image_sizes: image id -> (H, W) px, original, of every image of the annotation file.
        label_of_category: category id of the file -> label.
        score_floor: least score of a box.
        needs_labels: leave out boxes of classes that have no label.

    Returns:
        Image id -> detections, for every image of `image_sizes`; reason -> number of boxes left out
        (scores, boxes without area inside the image, classes outside the vocabulary).

    Raises:
        FileNotFoundError: no such file.
        ValueError: no result file, an entry without a field, an image id that does not occur, or not
            one class of the vocabulary where labels are needed.
    """
    rows = _read_rows(path)
    _check_images(path, rows, image_sizes)
    skipped: Counter[str] = Counter()
    kept: dict[int, list[tuple]] = {image_id: [] for image_id in image_sizes}
    for place, row in enumerate(rows):
        box, score = _box_and_score(path, place, row)
        label = label_of_category.get(row["category_id"], UNKNOWN_LABEL)
        corners = corners_of_box(box, image_sizes[row["image_id"]])
        if score < score_floor:
            skipped[f"scores below {score_floor:g}"] += 1
        elif corners is None or min(corners[2] - corners[0], corners[3] - corners[1]) < MIN_SIDE:
            skipped["boxes without area inside the image"] += 1
        elif needs_labels and label == UNKNOWN_LABEL:
            skipped["classes outside the vocabulary"] += 1
        else:
            kept[row["image_id"]].append((corners, label, score))
    if needs_labels and rows and skipped["classes outside the vocabulary"] == len(rows):
        raise ValueError(
            f"{path}: no box is of a class of the vocabulary, category ids are such as"
            f" {sorted({row['category_id'] for row in rows})[:5]}; name the detector's classes by"
            " --detection-classes"
        )
    found = {}
    for image_id, entries in kept.items():
        boxes, labels, scores = zip(*entries, strict=True) if entries else ((), (), ())
        found[image_id] = Detections(
            boxes=np.array(boxes, np.float32).reshape(-1, 4),
            labels=np.array(labels, np.int64),
            scores=np.array(scores, np.float32),
        )
    return found, +skipped


def read_class_labels(path: Path, label_of_name: Mapping[str, int]) -> dict[int, int]:
    """Category id -> label of a detector's classes that `labels_by_name` knows, whatever their case.

    The file is JSON: a list of names (the ids are 0, 1, ...), an object {id: name}, or an annotation
    file with `categories`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another form, or no name is in the vocabulary.
    """
    hint = "give a JSON list of the detector's class names"
    content = read_json(path, missing=hint, damaged=hint)
    names: dict[int, Any] = {}
    if isinstance(content, dict) and isinstance(content.get("categories"), list):
        rows = content["categories"]
        if all(isinstance(r, dict) and isinstance(r.get("id"), (int, float, str)) for r in rows):
            names = {row["id"]: row.get("name") for row in rows}
    elif isinstance(content, dict):
        names = {int(key): name for key, name in content.items() if re.fullmatch(r"-?[0-9]{1,18}", key)}
    elif isinstance(content, list):
        names = dict(enumerate(content))
    if not names or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(
            f"{path}: expected a list of class names, an object {{id: name}}, or an annotation file"
        )
    found = {key: label_of_name.get(plain_name(name)) for key, name in names.items()}
    labels = {key: label for key, label in found.items() if label is not None}
    if not labels:
        raise ValueError(
            f"{path}: no name of it, such as {list(names.values())[:3]}, is one of the vocabulary's"
        )
    return labels


def labels_by_name(vocabulary: Vocabulary, ann_file: Path | None = None) -> dict[str, int]:
    """Plain name -> label: what a detector may call each class.

    The names of an annotation file's categories come first; they need not be the vocabulary's: COCO's
    "orange" is the prompt "orange fruit". Then come display names, then synonyms, the first class first.
    """
    label_of = vocabulary.label_of_category
    rows = [] if ann_file is None else read_annotations(ann_file, vocabulary)["categories"]
    found = {plain_name(r["name"]): label_of[r["id"]] for r in rows if r["id"] in label_of}
    synonyms = ((name, label) for label, names in enumerate(vocabulary.classes) for name in names)
    for name, label in (*((n, label) for label, n in enumerate(vocabulary.names)), *synonyms):
        found.setdefault(plain_name(name), label)
    return found


def plain_name(name: str) -> str:
    """Lower case, `_` as a space."""
    return " ".join(name.replace("_", " ").lower().split())


def list_images(ann_file: Path, folder: Path, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """`img_id`, `img_path`, `height`, `width` (px, original) of every image of a file, by ascending id.

    Raises:
        FileNotFoundError: annotation file or image folder missing; says how to make them.
        ValueError: a broken annotation file.
    """
    index = read_coco_index(ann_file, vocabulary=vocabulary, kept_labels=frozenset())
    place_pictures(index, folder, vocabulary)
    for image in index.images:
        del image["instances"]
    return index.images


@DATASETS.register_module()
@passes_options_to(SampleSeededDataset)
class DetectionDataset(SampleSeededDataset):
    """Every image of an annotation file with a detector's boxes, and nothing of its annotations.

    An entry has `img_id`, `img_path`, `height`, `width` (px, original) and `detections`. What is left
    out of the result file is counted in `skipped` and logged. Images without a box are there, too: what
    was missed counts in the AP.
    """

    def __init__(
        self,
        *,
        ann_file: str,
        data_prefix: dict[str, str],
        vocabulary: str,
        detections: str,
        labels: Literal["method", "detector"] = "method",
        score_floor: float = 0.0,
        classes: str | None = None,
        data_root: str = "",
        test_mode: bool = True,
        **options: Any,
    ) -> None:
        """Args:
        ann_file: annotation file, below `data_root` unless absolute.
        data_prefix: `dict(img=folder of the images)`, below `data_root`.
        vocabulary: name, see `get_vocabulary`.
        detections: result file of COCO's format, see `read_detections`.
        labels: with the `detector`'s labels, boxes of classes outside the vocabulary are left out.
        score_floor: boxes with a lower score are left out.
        classes: names of the detector's categories, see `read_class_labels`; if left out, its category
            ids are the annotation file's.
        data_root: folder of the data set.
        test_mode: randomness does not depend on the epoch.
        options: those of `SampleSeededDataset`.
        """
        self.vocabulary = get_vocabulary(vocabulary)
        self.detections = detections
        self.labels = labels
        self.score_floor = score_floor
        self.classes = classes
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=dict(data_prefix),
            metainfo={
                **describe_vocabulary(self.vocabulary),
                "category_ids": list(self.vocabulary.category_ids),
            },
            test_mode=test_mode,
            **options,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read both files; images by ascending id."""
        images = list_images(Path(self.ann_file), Path(self.data_prefix["img"]), self.vocabulary)
        labels: Mapping[int, int] = self.vocabulary.label_of_category
        if self.classes is not None:
            names = labels_by_name(self.vocabulary, Path(self.ann_file))
            labels = read_class_labels(Path(self.classes), names)
        found, skipped = read_detections(
            Path(self.detections),
            image_sizes={image["img_id"]: (image["height"], image["width"]) for image in images},
            label_of_category=labels,
            score_floor=self.score_floor,
            needs_labels=self.labels == "detector",
        )
        self.skipped = dict(skipped)
        number = sum(len(detections.scores) for detections in found.values())
        left_out = "; ".join(f"{n:,} {reason}" for reason, n in self.skipped.items()) or "nothing"
        text = f"{self.detections}: {number:,} boxes on {len(images):,} images; left out: {left_out}"
        print_log(text, "current", logging.INFO)
        return [{**image, "detections": found[image["img_id"]]} for image in images]


def _read_rows(path: Path) -> list[dict[str, Any]]:
    rows = read_json(path, missing=HINT, damaged=HINT)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(
            f"{path}: expected a list of detections (COCO's result format), got {type(rows).__name__};"
            f" {HINT}"
        )
    for place, row in enumerate(rows):
        missing = [key for key in ("image_id", "category_id", "bbox", "score") if key not in row]
        if missing:
            raise ValueError(f"{path}: entry {place} lacks {', '.join(missing)}; {HINT}")
        if not all(isinstance(row[key], (int, float, str)) for key in ("image_id", "category_id")):
            raise ValueError(f"{path}: entry {place} has an id that is no number or text; {HINT}")
    return rows


def _check_images(path: Path, rows: Sequence[Mapping], image_sizes: Mapping[int, Size]) -> None:
    unknown = {row["image_id"] for row in rows} - image_sizes.keys()
    if unknown:
        number = sum(row["image_id"] in unknown for row in rows)
        some = sorted(unknown, key=str)[:5]
        raise ValueError(
            f"{path}: {number:,} of {len(rows):,} boxes belong to {len(unknown):,} images that the"
            f" annotation file does not list, such as {some}; is it the result file of this split?"
        )


def _box_and_score(path: Path, place: int, row: Mapping[str, Any]) -> tuple[list[float], float]:
    box, score = row["bbox"], row["score"]
    numbers = [*box, score] if isinstance(box, list) else []
    is_good = len(numbers) == 5 and are_numbers(numbers) and are_finite(numbers)
    if not is_good or abs(score) > LARGEST_SCORE:
        raise ValueError(
            f"{path}: entry {place} needs bbox [x, y, w, h] and a score of finite numbers,"
            f" got {box!r} and {score!r}"
        )
    return box, float(score)
