"""The metric of promptable recognition: mask IoU and label accuracy, apart for base and novel classes.

Source: Open-Vocabulary SAM, section 4 (IoU_b, IoU_n, Acc) and its protocol: IoU per prompt at original
resolution, mean over instances; accuracy over base and novel instances together. Adds the accuracy of
base, of novel instances, and the harmonic mean of these two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ovsam.evaluation.base import ImageMetric, harmonic_mean, to_array
from ovsam.ops.masks import encode_masks, paired_iou
from ovsam.registry import METRICS


@dataclass(frozen=True)
class InstanceResults:
    """One row per evaluated prompt, in order of image id."""

    image_ids: np.ndarray  # (n,) of the annotation file
    labels: np.ndarray  # (n,) int64 ground truth, vocabulary order
    predicted: np.ndarray  # (n,) int64, -1 where the method gives no label
    ious: np.ndarray  # (n,) float64 in 0..1
    areas: np.ndarray  # (n,) int64 px of the ground-truth mask, original


@METRICS.register_module()
class PromptableMetric(ImageMetric):
    """IoU_b, IoU_n, IoU, accuracies and counts of a data set, in percent.

    Needs `dataset_meta` with `base` and `novel` (lists of labels); its `with_masks=False` (boxes instead
    of masks) leaves out every IoU. A group without instances has no entry, but its count is there.

    Attributes:
        instances: rows of the last evaluation.
        masks: with `keep_masks`, the run-length code of each row's predicted mask.
    """

    default_prefix = "promptable"

    def __init__(self, *, collect_device: str = "cpu", keep_masks: bool = False) -> None:
        """Args:
        collect_device: `cpu` or `gpu`, how results of several processes are gathered.
        keep_masks: keep the predicted masks, for pictures of a comparison.
        """
        super().__init__(collect_device=collect_device)
        self.keep_masks = keep_masks
        self.instances: InstanceResults | None = None
        self.masks: list[dict[str, Any]] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add samples, given as dicts.

        Each has `gt_instances` with `labels` and `original_masks`, and `pred_instances` with `masks`
        and, of methods that name what they segment, `labels`.

        Raises:
            ValueError: the number of predictions is not that of the prompts.
        """
        for sample in data_samples:
            target, predicted = sample["gt_instances"], sample["pred_instances"]
            masks, found = to_array(target["original_masks"]), to_array(predicted["masks"])
            if len(found) != len(masks):
                raise ValueError(
                    f"image {sample['img_id']}: {len(masks)} prompts but {len(found)} predictions"
                )
            labels = predicted.get("labels", np.full(len(masks), -1))
            self.results.append(
                dict(
                    image_id=sample["img_id"],
                    ious=paired_iou(found, masks),
                    codes=encode_masks(found.astype(bool)) if self.keep_masks else [],
                    labels=to_array(target["labels"], np.int64),
                    predicted=to_array(labels, np.int64),
                    areas=masks.sum(axis=(1, 2), dtype=np.int64),
                )
            )

    def compute(self, images: list[dict]) -> dict[str, float]:
        """Percentages and counts; keeps the rows in `instances`."""
        base, novel = self.meta("base", "novel")

        def column(name: str, dtype: type) -> np.ndarray:
            return np.concatenate([np.empty(0, dtype), *(image[name] for image in images)])

        self.instances = InstanceResults(
            image_ids=np.repeat([i["image_id"] for i in images], [len(i["labels"]) for i in images]),
            labels=column("labels", np.int64),
            predicted=column("predicted", np.int64),
            ious=column("ious", np.float64),
            areas=column("areas", np.int64),
        )
        self.masks = [code for image in images for code in image["codes"]]
        found = summarize(self.instances, base=base, novel=novel)
        if (self.dataset_meta or {}).get("with_masks", True):
            return found
        return {name: value for name, value in found.items() if not name.startswith("iou")}


def summarize(rows: InstanceResults, base: Sequence[int], novel: Sequence[int]) -> dict[str, float]:
    """IoU and accuracy of the base and novel classes, given by their labels, in percent, with counts.

    Returns:
        `iou`, `iou_base`, `iou_novel`; `accuracy` (over base and novel together), `accuracy_base`,
        `accuracy_novel`, `harmonic_mean` where the method names; `num_images`, `num_base`, `num_novel`.
        A group without rows has no entry.
    """
    is_base, is_novel = np.isin(rows.labels, list(base)), np.isin(rows.labels, list(novel))
    groups = {"": is_base | is_novel, "_base": is_base, "_novel": is_novel}
    measured = {"iou": rows.ious}
    if (rows.predicted >= 0).any():
        measured["accuracy"] = rows.predicted == rows.labels
    metrics: dict[str, float] = {
        f"{name}{suffix}": 100 * float(values[group].mean())
        for suffix, group in groups.items()
        for name, values in measured.items()
        if group.any()
    }
    if "accuracy_base" in metrics and "accuracy_novel" in metrics:
        metrics["harmonic_mean"] = harmonic_mean(metrics["accuracy_base"], metrics["accuracy_novel"])
    metrics["num_images"] = len(np.unique(rows.image_ids))
    metrics["num_base"], metrics["num_novel"] = int(is_base.sum()), int(is_novel.sum())
    return metrics
