"""The metric of promptable recognition: mask IoU and label accuracy, apart for base and novel classes.

Source: Open-Vocabulary SAM, section 4 (IoU_b, IoU_n, Acc) and its protocol: IoU per prompt at original
resolution, mean over instances; accuracy pooled over base and novel instances. Adds what the pooled
number hides: base accuracy, novel accuracy and their harmonic mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from ovsam.ops.masks import encode_masks, paired_iou
from ovsam.registry import METRICS


@dataclass(frozen=True)
class InstanceResults:
    """One row per evaluated prompt, in order of image id.

    Attributes:
        image_ids: (n,) of the annotation file.
        labels: (n,) int64 ground truth, vocabulary order.
        predicted: (n,) int64, -1 where the method gives no label.
        ious: (n,) float64 in 0..1.
        areas: (n,) int64 px of the ground-truth mask, original.
    """

    image_ids: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    ious: np.ndarray
    areas: np.ndarray


@METRICS.register_module()
class PromptableMetric(BaseMetric):
    """IoU_b, IoU_n, IoU, accuracies and counts of a data set, in percent.

    Needs `dataset_meta` with `base` and `novel` (lists of labels). Padding that a distributed sampler
    adds is dropped by image id. A group without instances has no entry, but its count is there.
    """

    default_prefix = None

    def __init__(self, *, collect_device: str = "cpu", keep_masks: bool = False) -> None:
        """Args:
        collect_device: `cpu` or `gpu`, how results of several processes are gathered.
        keep_masks: keep the predicted masks as run-length codes, for pictures of a comparison.
        """
        super().__init__(collect_device=collect_device, prefix="promptable")
        self.keep_masks = keep_masks
        self.instances: InstanceResults | None = None
        self.masks: list[dict[str, Any]] = []  # a run-length code per row of `instances`, if kept

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add one result per image.

        Args:
            data_batch: not used.
            data_samples: samples as dicts: `gt_instances` with `labels` and `original_masks`,
                `pred_instances` with `masks` and, of methods that name what they segment, `labels`.

        Raises:
            ValueError: another number of predictions than of prompts.
        """
        for sample in data_samples:
            target, predicted = sample["gt_instances"], sample["pred_instances"]
            if len(predicted["masks"]) != len(target["original_masks"]):
                raise ValueError(
                    f"image {sample['img_id']}: {len(target['original_masks'])} prompts"
                    f" but {len(predicted['masks'])} predictions"
                )
            masks = np.asarray(target["original_masks"].cpu())
            found = np.asarray(predicted["masks"].cpu())
            num = len(masks)
            self.results.append(
                dict(
                    image_id=sample["img_id"],
                    ious=paired_iou(found, masks),
                    codes=encode_masks(found.astype(bool)) if self.keep_masks else [],
                    labels=np.asarray(target["labels"].cpu(), dtype=np.int64),
                    predicted=np.asarray(predicted["labels"].cpu(), dtype=np.int64)
                    if "labels" in predicted
                    else np.full(num, -1, dtype=np.int64),
                    areas=masks.sum(axis=(1, 2), dtype=np.int64),
                )
            )

    def evaluate(self, size: int) -> dict:
        """Metrics over all processes; results are cleared afterwards.

        Args:
            size: not used: mmengine would cut at it, here padding is dropped by image id.
        """
        return super().evaluate(size=2**31)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Percentages and counts; keeps the rows in `instances`."""
        meta = self.dataset_meta or {}
        if "base" not in meta or "novel" not in meta:
            raise ValueError("the data set's metainfo must list the labels `base` and `novel`")
        by_image = {result["image_id"]: result for result in results}
        self.instances = _rows(by_image)
        self.masks = [code for image_id in sorted(by_image) for code in by_image[image_id]["codes"]]
        return summarize(self.instances, base=meta["base"], novel=meta["novel"])


def summarize(rows: InstanceResults, base: Sequence[int], novel: Sequence[int]) -> dict[str, float]:
    """IoU and accuracy of the groups, in percent, with counts.

    Args:
        rows: one per prompt.
        base: labels of the base classes.
        novel: labels of the novel classes. Rows of other labels are left out.

    Returns:
        `iou`, `iou_base`, `iou_novel`; `accuracy` (over base and novel together), `accuracy_base`,
        `accuracy_novel`, `harmonic_mean` where the method names; `num_images`, `num_base`, `num_novel`.
        A group without rows has no entry.
    """
    is_base, is_novel = np.isin(rows.labels, list(base)), np.isin(rows.labels, list(novel))
    groups = {"": is_base | is_novel, "_base": is_base, "_novel": is_novel}
    correct = rows.predicted == rows.labels
    named = bool((rows.predicted >= 0).any())
    metrics: dict[str, float] = {}
    for suffix, group in groups.items():
        if not group.any():
            continue
        metrics[f"iou{suffix}"] = 100 * float(rows.ious[group].mean())
        if named:
            metrics[f"accuracy{suffix}"] = 100 * float(correct[group].mean())
    if "accuracy_base" in metrics and "accuracy_novel" in metrics:
        of_base, of_novel = metrics["accuracy_base"], metrics["accuracy_novel"]
        total = of_base + of_novel
        metrics["harmonic_mean"] = 2 * of_base * of_novel / total if total else 0.0
    metrics["num_images"] = len(np.unique(rows.image_ids))
    metrics["num_base"], metrics["num_novel"] = int(is_base.sum()), int(is_novel.sum())
    return metrics


def _rows(results: dict[Any, dict]) -> InstanceResults:
    ordered = [results[image_id] for image_id in sorted(results)]

    def column(name: str, dtype: type) -> np.ndarray:
        return np.concatenate([np.empty(0, dtype), *(result[name] for result in ordered)])

    return InstanceResults(
        image_ids=np.repeat([r["image_id"] for r in ordered], [len(r["labels"]) for r in ordered]),
        labels=column("labels", np.int64),
        predicted=column("predicted", np.int64),
        ious=column("ious", np.float64),
        areas=column("areas", np.int64),
    )
