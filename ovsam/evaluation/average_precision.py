"""Average precision of COCO and LVIS, through hotcoco.

Source: the evaluation of pycocotools (COCO) and of lvis-api (LVIS v1, federated: a class that an image
was not searched for does not count there). hotcoco computes the same tables of precision; every mean
over them is taken here, so that you can ask for groups of classes.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import hotcoco
import numpy as np
from numpy.typing import NDArray

IouType = Literal["segm", "bbox"]
Area = Literal["all", "small", "medium", "large"]
AREAS = get_args(Area)
THRESHOLDS = tuple(0.5 + 0.05 * step for step in range(10))
NOT_COMPUTED = -1  # in tables of pycocotools: no ground truth


@dataclass(frozen=True)
class PrecisionTables:
    """Precision and recall of every class."""

    category_ids: tuple[int, ...]  # K categories, ascending
    # M limits per image, ascending (of one class in COCO, of all together in LVIS)
    max_detections: tuple[int, ...]
    # (T, R, K, A, M) in 0..1 at IoU `THRESHOLDS`, 101 recalls, `AREAS`; -1 without ground truth
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]  # (T, K, A, M) in 0..1, -1 without ground truth

    def ap(
        self, categories: Iterable[int] | None = None, *, iou: float | None = None, area: Area = "all"
    ) -> float | None:
        """Average precision in percent, mean over classes that have ground truth; None if none has.

        Args:
            categories: category ids; all if left out.
            iou: one of `THRESHOLDS`; their mean if left out.
            area: of the ground truth: all, small (< 32^2 px), medium or large (> 96^2 px).
        """
        rows = [i for i, value in enumerate(THRESHOLDS) if iou is None or abs(value - iou) < 1e-9]
        if not rows:
            raise ValueError(f"iou must be one of 0.50, 0.55, ... 0.95, got {iou}")
        place = {category: column for column, category in enumerate(self.category_ids)}
        columns = [place[i] for i in sorted(set(place if categories is None else categories))]
        table = self.precision[rows][:, :, columns, AREAS.index(area), -1]
        values = table[table > NOT_COMPUTED]
        return 100 * float(values.mean()) if values.size else None

    def with_ground_truth(self) -> tuple[int, ...]:
        """Categories that have ground truth: those that means are taken over."""
        found = (self.precision[:, :, :, 0, -1] > NOT_COMPUTED).any(axis=(0, 1))
        return tuple(itertools.compress(self.category_ids, found.tolist()))


class ApEvaluator:
    """Evaluates results against one annotation file, as often as asked.

    Do not fork after an evaluation: hotcoco's threads do not survive a fork, and an evaluation in the
    child would wait for ever. Processes that torchrun starts are no forks.

    Attributes:
        is_federated: the file is LVIS's: images say which classes they were searched for.
        category_ids: all categories of the file, ascending.
    """

    def __init__(self, ground_truth: Mapping[str, Any], *, iou_type: IouType = "segm") -> None:
        """Args:
        ground_truth: content of an annotation file of COCO's or LVIS's format.
        iou_type: overlap of masks or of boxes.

        Raises:
            ValueError: no images or categories.
        """
        if not ground_truth.get("images") or not ground_truth.get("categories"):
            raise ValueError("ground truth needs images and categories; is it an annotation file?")
        self.iou_type = iou_type
        self.is_federated = "neg_category_ids" in ground_truth["images"][0]
        self.category_ids = tuple(sorted(row["id"] for row in ground_truth["categories"]))
        self._image_ids = {row["id"] for row in ground_truth["images"]}
        self._ground_truth = hotcoco.COCO(dict(ground_truth))

    def evaluate(
        self,
        results: Sequence[Mapping[str, Any]],
        *,
        category_ids: Collection[int] | None = None,
        image_ids: Collection[int] | None = None,
    ) -> PrecisionTables:
        """Match results with ground truth.

        Args:
            results: COCO's result format: `image_id`, `category_id`, `score`, and `segmentation` (run-
                length code) or `bbox` [x, y, w, h] px, original.
            category_ids: classes that count; others are ignored. All if left out.
            image_ids: images that count; all if left out.

        Raises:
            ValueError: an image or a category that the ground truth lacks.
        """
        categories = set(self.category_ids if category_ids is None else category_ids)
        images = set(self._image_ids if image_ids is None else image_ids)
        _check_known("images", images | {row["image_id"] for row in results}, self._image_ids)
        _check_known("categories", categories, self.category_ids)
        counted = [
            dict(row)
            for row in results
            if row["category_id"] in categories and row["image_id"] in images
        ]
        run = hotcoco.COCOeval(
            self._ground_truth,
            self._ground_truth.load_res(counted),
            self.iou_type,
            lvis_style=self.is_federated,
        )
        run.params.cat_ids = sorted(categories)
        run.params.img_ids = sorted(images)
        run.evaluate()
        run.accumulate()
        return PrecisionTables(
            category_ids=tuple(sorted(categories)),
            max_detections=tuple(run.params.max_dets),
            precision=np.asarray(run.eval["precision"]),
            recall=np.asarray(run.eval["recall"]),
        )


def _check_known(what: str, asked: Collection[int], known: Collection[int]) -> None:
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise ValueError(
            f"{len(unknown)} {what} are not in the ground truth, such as {unknown[:5]}; expected ids of"
            " the annotation file"
        )
