"""Writes what a detector finds on a list of images as a result file of COCO's format."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.detectors.base import Detector

#: Category id of a box whose class the vocabulary lacks; no annotation file uses it.
NO_CATEGORY = 0


def detect_all(
    detector: Detector,
    images: Iterable[tuple[int, NDArray[np.uint8]]],
    *,
    category_of_name: Mapping[str, int],
    score_floor: float,
    max_per_image: int,
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Detect on every image.

    Args:
        images: image id and (H, W, 3) uint8 RGB.
        category_of_name: the detector's name -> category id of the annotation file.
        score_floor: boxes with a lower score are left out.
        max_per_image: of the best boxes of an image.

    Returns:
        Rows of `image_id`, `category_id`, `bbox` [x, y, w, h] px original, `score`; and counts: `boxes`,
        `boxes of classes outside the vocabulary` (they have category id 0).
    """
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    categories = [category_of_name.get(name, NO_CATEGORY) for name in detector.class_names]
    for image_id, image in images:
        found = detector(image)
        triples = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
        kept = [triple for triple in triples if triple[1] >= score_floor]
        for (x0, y0, x1, y1), score, place in kept[:max_per_image]:
            category = categories[place]
            counts["boxes"] += 1
            counts["boxes of classes outside the vocabulary"] += category == NO_CATEGORY
            box = [x0, y0, x1 - x0, y1 - y0]
            rows.append(dict(image_id=image_id, category_id=category, bbox=box, score=score))
    return rows, counts
