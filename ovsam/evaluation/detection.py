"""The metric of detector prompts: mask AP of all, base and novel classes, on COCO and on LVIS.

Source: Open-Vocabulary SAM, tables 2 and 3 (labels of the method) and 4 and S2 (labels of the
detector). A prompt is a detector's box, the score is the detector's, the mask is the method's.
Generalised: the label is one of the base and novel classes. Constrained: one of the base classes,
against their ground truth only; and the same for the novel ones.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ovsam.evaluation.average_precision import ApEvaluator
from ovsam.evaluation.base import ImageMetric, present, to_array
from ovsam.ops.masks import encode_masks
from ovsam.registry import METRICS

LabelSource = Literal["method", "detector"]
FREQUENCIES = {"r": "rare", "c": "common", "f": "frequent"}  # of LVIS's categories
GROUPS = ("base", "novel")


@METRICS.register_module()
class DetectionMetric(ImageMetric):
    """AP in percent, with counts.

    `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`: mean over the classes that can be
    answered and have ground truth (`num_classes` of them): base and novel with the method's labels, the
    whole vocabulary with a detector's. `ap_base`, `ap50_base`, `ap_novel`, `ap50_novel`: the groups, out
    of the same answers. `..._constrained` on COCO with the method's labels. `ap_rare`, `ap_common`,
    `ap_frequent` on LVIS. `num_images`, `num_detections`. A mean over no class has no entry.

    Needs `dataset_meta` with `base`, `novel` (labels) and `category_ids` (of each label).

    Attributes:
        predictions: after an evaluation, COCO's result format (generalised labels).
    """

    default_prefix = "detection"

    def __init__(
        self, *, ann_file: str, labels: LabelSource = "method", collect_device: str = "cpu"
    ) -> None:
        """Args:
        ann_file: annotation file of COCO's or LVIS's format with all ground truth.
        labels: whose labels count, the `method`'s or the `detector`'s.
        collect_device: `cpu` or `gpu`, how results of several processes are gathered.

        Raises:
            ValueError: another source of labels.
        """
        if labels not in ("method", "detector"):
            raise ValueError(f"labels must be 'method' or 'detector', got {labels!r}")
        super().__init__(collect_device=collect_device)
        self.ann_file = ann_file
        self.labels = labels
        self.predictions: list[dict[str, Any]] | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add samples, given as dicts.

        Each has `detections` with `scores` and `labels`, and `pred_instances` with `masks` and, of
        methods that name what they segment, `labels`, `base_labels` and `novel_labels`.

        Raises:
            ValueError: the number of masks is not that of the boxes, or the method's labels are to
                count and it has none.
        """
        for sample in data_samples:
            boxes, predicted = sample["detections"], sample["pred_instances"]
            if len(predicted["masks"]) != len(boxes["scores"]):
                raise ValueError(
                    f"image {sample['img_id']}: {len(boxes['scores'])} boxes"
                    f" but {len(predicted['masks'])} masks"
                )
            if self.labels == "method" and "labels" not in predicted:
                raise ValueError(
                    "this method names nothing: take the detector's labels (--labels detector)"
                )
            source = predicted if self.labels == "method" else boxes
            names = ("labels", *(f"{group}_labels" for group in GROUPS if self.labels == "method"))
            self.results.append(
                dict(
                    image_id=sample["img_id"],
                    scores=to_array(boxes["scores"]),
                    codes=encode_masks(to_array(predicted["masks"])),
                    answers={name: to_array(source[name]) for name in names if name in source},
                )
            )

    def compute(self, images: list[dict]) -> dict[str, float]:
        """Percentages and counts; keeps the rows in `predictions`."""
        base, novel, category_of = self.meta("base", "novel", "category_ids")
        groups = {
            "base": [category_of[label] for label in base],
            "novel": [category_of[label] for label in novel],
        }
        of_method = self.labels == "method"
        answerable = groups["base"] + groups["novel"] if of_method else category_of
        ground_truth = json.loads(Path(self.ann_file).read_bytes())
        evaluator = ApEvaluator(ground_truth)
        image_ids = [image["image_id"] for image in images]
        self.predictions = _rows(images, "labels", category_of)
        tables = evaluator.evaluate(self.predictions, category_ids=answerable, image_ids=image_ids)
        metrics = {"ap": tables.ap(), "ap50": tables.ap(iou=0.5), "ap75": tables.ap(iou=0.75)}
        for size in ("small", "medium", "large"):
            metrics[f"ap_{size}"] = tables.ap(area=size)
        for group, categories in groups.items():
            metrics[f"ap_{group}"] = tables.ap(categories)
            metrics[f"ap50_{group}"] = tables.ap(categories, iou=0.5)
        if evaluator.is_federated:
            letter_of = {row["id"]: row.get("frequency") for row in ground_truth["categories"]}
            for letter, name in FREQUENCIES.items():
                metrics[f"ap_{name}"] = tables.ap(i for i in answerable if letter_of[i] == letter)
        elif of_method:
            for group, categories in groups.items():
                name = f"{group}_labels"
                if not categories or any(name not in image["answers"] for image in images):
                    continue
                rows = _rows(images, name, category_of)
                alone = evaluator.evaluate(rows, category_ids=categories, image_ids=image_ids)
                metrics[f"ap_{group}_constrained"] = alone.ap()
                metrics[f"ap50_{group}_constrained"] = alone.ap(iou=0.5)
        return {
            **present(metrics),
            "num_images": len(images),
            "num_detections": len(self.predictions),
            "num_classes": len(tables.with_ground_truth()),
        }


def _rows(images: Sequence[dict], name: str, category_of: Sequence[int]) -> list[dict[str, Any]]:
    """COCO's result format with the labels `name`."""
    return [
        {
            "image_id": image["image_id"],
            "category_id": category_of[label],
            "segmentation": code,
            "score": float(score),
        }
        for image in images
        for label, code, score in zip(
            image["answers"][name].tolist(), image["codes"], image["scores"].tolist(), strict=True
        )
    ]
