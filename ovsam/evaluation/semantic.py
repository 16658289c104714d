"""The metric of semantic segmentation: one confusion matrix over the set, and what is read off it.

Mean IoU is over the classes that occur in the ground truth, at its size; ignored pixels count nowhere.
Seen and unseen classes (`base` and `novel` of the vocabulary) are also averaged apart. Two more
questions have matrices of their own, made of the pixels of some regions only, so that what a model
says elsewhere does not matter: how large the region is, and how much of its object is hidden.

Source: CAT-Seg, section 4, and the choices of ESC-Net's evaluation (small objects, occlusion).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from ovsam.evaluation.confusion import (
    Matrix,
    class_accuracies,
    class_ious,
    class_table,
    confusion_pairs,
    mean_percent,
    pixel_accuracy,
)
from ovsam.registry import METRICS
from ovsam.structures.vocabulary import Vocabulary

SIZES = ("small", "medium", "large")
HIDDEN = ("whole", "partly_hidden", "much_hidden")
#: COCO's limits of small and medium objects, px.
REGION_SIZES = (32**2, 96**2)
#: Largest hidden part of an object that counts as whole (files round to 4 digits), and as partly hidden.
HIDDEN_PARTS = (0.0005, 0.1)


@dataclass(frozen=True)
class SemanticReport:
    """What a test found, beyond the averages.

    Attributes:
        confusion: (C, C + 1), see `confusion`.
        by_size: matrix of the regions of each of `SIZES`.
        by_occlusion: matrix of the objects of each of `HIDDEN`; empty where the data do not know.
        class_names: C names.
        groups: C times `seen`, `unseen` or nothing.
        num_images: images counted.
    """

    confusion: Matrix
    by_size: dict[str, Matrix]
    by_occlusion: dict[str, Matrix]
    class_names: list[str]
    groups: list[str]
    num_images: int

    def to_dict(self, num_pairs: int = 20) -> dict[str, Any]:
        """Plain values: `classes` (one row each) and `confusions` (most frequent pairs)."""
        return dict(
            num_images=self.num_images,
            classes=class_table(self.confusion, self.class_names, self.groups),
            confusions=confusion_pairs(self.confusion, self.class_names, num_pairs),
        )


@METRICS.register_module()
class SemanticMetric(BaseMetric):
    """Mean IoU and accuracies of a data set, in percent; the matrices are kept in `report`.

    Needs `dataset_meta["semseg"]` (see `datasets.semseg.describe_spec`). A prediction is in labels of
    the data set's vocabulary, or of `predicted_names`; where the set has a background, all other
    classes count as it. Padding that a distributed sampler adds is dropped by image id.
    """

    default_prefix = None

    def __init__(
        self,
        *,
        region_sizes: tuple[int, int] | None = REGION_SIZES,
        hidden_parts: tuple[float, float] = HIDDEN_PARTS,
        predicted_names: Sequence[str] | None = None,
        collect_device: str = "cpu",
    ) -> None:
        """Args:
        region_sizes: px from which a connected region of one class is medium, and large; None
            leaves regions out.
        hidden_parts: part of an object, 0..1, up to which it counts as whole, and as partly hidden.
        predicted_names: classes of the model, where they are not the data set's vocabulary.
        collect_device: `cpu` or `gpu`, how results of several processes are gathered.
        """
        super().__init__(collect_device=collect_device, prefix="semantic")
        self.region_sizes = None if region_sizes is None else tuple(region_sizes)
        self.hidden_parts = tuple(hidden_parts)
        self.predicted_names = None if predicted_names is None else list(predicted_names)
        self.report: SemanticReport | None = None
        self._table: NDArray[np.int64] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the data set says of its classes.

        Raises:
            ValueError: it is no data set with label maps.
        """
        meta = self.dataset_meta or {}
        if "semseg" not in meta:
            raise ValueError("the data set's metainfo lacks `semseg`: SemanticMetric needs label maps")
        return meta["semseg"]

    def check_vocabulary(self) -> NDArray[np.int64]:
        """Evaluated label of each class that is predicted, C for none.

        Raises:
            ValueError: the vocabulary lacks a class of the data set, has none, or one twice.
        """
        if self._table is None:
            names = self.predicted_names
            if names is None:
                meta = self.dataset_meta or {}
                names = [synonyms[0] for synonyms in meta["vocabulary"]["classes"]]
            self._table = labels_of_names(names, self.facts)
        return self._table

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the pixels of some images.

        Args:
            data_batch: not used.
            data_samples: samples as dicts: `img_id`, `gt_sem_seg` and `pred_sem_seg` (H, W) of one
                size, `gt_visible` where known.

        Raises:
            ValueError: sizes differ, or a prediction is no label of the vocabulary.
        """
        for sample in data_samples:
            truth = np.asarray(sample["gt_sem_seg"].cpu())
            predicted = np.asarray(sample["pred_sem_seg"].cpu())
            if truth.shape != predicted.shape:
                raise ValueError(
                    f"image {sample['img_id']}: the prediction has (h, w) = {predicted.shape}, the"
                    f" ground truth {truth.shape}"
                )
            visible = sample.get("gt_visible")
            keys, counts = self._count(
                truth,
                self._evaluated(predicted, sample["img_id"]),
                None if visible is None else np.asarray(visible.cpu()),
            )
            self.results.append(
                dict(
                    image_id=sample["img_id"],
                    keys=keys,
                    counts=counts,
                    knows_occlusion=visible is not None,
                )
            )

    def evaluate(self, size: int) -> dict:
        """Metrics over all processes; results are cleared afterwards.

        Args:
            size: not used: mmengine would cut at it, here padding is dropped by image id.
        """
        return super().evaluate(size=2**31)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Percentages and counts; keeps the matrices in `report`."""
        facts = self.facts
        by_image = {result["image_id"]: result for result in results}
        self._table = None  # the next data set may be another one
        names = list(facts["class_names"])
        shape = (len(SIZES), len(HIDDEN), len(names), len(names) + 1)
        counts: dict[int, int] = {}
        for result in by_image.values():
            for key, count in zip(result["keys"].tolist(), result["counts"].tolist(), strict=True):
                counts[key] = counts.get(key, 0) + count
        keys = np.array(list(counts), np.int64)
        pixels = np.array(list(counts.values()), np.int64)
        matrices = _Strata(*np.unravel_index(keys, shape), pixels)
        knows_occlusion = any(result["knows_occlusion"] for result in by_image.values())
        self.report = SemanticReport(
            confusion=matrices.total(len(names)),
            by_size={}
            if self.region_sizes is None
            else {name: matrices.of_size(i, len(names)) for i, name in enumerate(SIZES)},
            by_occlusion={name: matrices.of_hidden(i, len(names)) for i, name in enumerate(HIDDEN)}
            if knows_occlusion
            else {},
            class_names=names,
            groups=_groups(facts, len(names)),
            num_images=len(by_image),
        )
        return summarize(self.report)

    def _evaluated(self, predicted: NDArray, image_id: object) -> NDArray[np.int64]:
        """A prediction in evaluated labels; C is none of them."""
        table = self.check_vocabulary()
        if predicted.size and not 0 <= int(predicted.min()) <= int(predicted.max()) < len(table):
            raise ValueError(
                f"image {image_id}: predicted labels are {int(predicted.min())}..{int(predicted.max())},"
                f" the vocabulary has 0..{len(table) - 1}"
            )
        return table[predicted]

    def _count(
        self, truth: NDArray, predicted: NDArray, visible: NDArray | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pixels of each (size, hidden part, truth, prediction) that occurs: flat indices and counts."""
        num = len(self.facts["class_names"])
        is_known = truth != self.facts["ignore_index"]
        if is_known.any() and not 0 <= int(truth[is_known].min()) <= int(truth[is_known].max()) < num:
            raise ValueError(f"ground truth has labels beyond 0..{num - 1}")
        sizes = np.zeros(truth.shape, np.int64)
        if self.region_sizes is not None:
            sizes = np.digitize(region_areas(truth, is_known), self.region_sizes)
        hidden = np.zeros(truth.shape, np.int64)
        if visible is not None:
            # An unknown part (NaN) counts as visible; a limit itself belongs to the lower group.
            parts = 1 - np.nan_to_num(visible, nan=1.0)
            hidden = np.digitize(parts, self.hidden_parts, right=True)
        shape = (len(SIZES), len(HIDDEN), num, num + 1)
        places = tuple(values[is_known] for values in (sizes, hidden, truth, predicted))
        return np.unique(np.ravel_multi_index(places, shape), return_counts=True)


def labels_of_names(names: Sequence[str], facts: Mapping[str, Any]) -> NDArray[np.int64]:
    """Evaluated label of each class that a model may answer with.

    Args:
        names: the model's classes, in the order of its labels.
        facts: of the data set, see `datasets.semseg.describe_spec`.

    Returns:
        (len(names),) int64; a class that the data set does not evaluate becomes its background, or C,
        none of the classes, where it has none.

    Raises:
        ValueError: no names, a name twice, or a class of the data set is not among them.
    """
    names = Vocabulary.from_names(list(names), name="of the model").names  # refuses none and twice
    asked = list(facts["class_names"])[: facts["background"]]
    lacking = [name for name in asked if name not in set(names)]
    if lacking:
        shown = ", ".join(map(repr, lacking[:5])) + (", ..." if len(lacking) > 5 else "")
        raise ValueError(
            f"the model's vocabulary lacks {len(lacking)} of the {len(asked)} classes of"
            f" {facts['title']}: {shown}; set the model's vocabulary to that of the data set"
            f" (`ovsam test --sets {facts['name']}` does)"
        )
    label_of = {name: label for label, name in enumerate(asked)}
    other = len(facts["class_names"]) if facts["background"] is None else facts["background"]
    return np.array([label_of.get(name, other) for name in names], np.int64)


def region_areas(labels: NDArray, is_known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Area of the region that each pixel is in: what hangs together (8 neighbours) with one label.

    Args:
        labels: (H, W) integers.
        is_known: (H, W) bool; other pixels have area 0.

    Returns:
        (H, W) int64 px.
    """
    areas = np.zeros(labels.shape, np.int64)
    for label in np.unique(labels[is_known]):
        mask = (labels == label) & is_known
        _, regions, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        areas[mask] = stats[:, cv2.CC_STAT_AREA][regions[mask]]
    return areas


def summarize(report: SemanticReport) -> dict[str, float]:
    """Averages of a report, in percent, with counts. What has no pixels has no entry.

    Returns:
        `miou` and `macc` (mean over the classes that occur), `pixel_accuracy`, `miou_seen`,
        `miou_unseen`, `harmonic_mean` of these two; `miou_small`, ... by size of the region;
        `miou_whole`, ... by hidden part; `num_images`, `num_classes`, `num_seen`, `num_unseen` that
        occur.
    """
    ious = class_ious(report.confusion)
    labels_of = {
        group: [label for label, found in enumerate(report.groups) if found == group]
        for group in ("seen", "unseen")
    }
    found: dict[str, float | None] = {
        "miou": mean_percent(ious),
        "macc": mean_percent(class_accuracies(report.confusion)),
        "pixel_accuracy": 100 * pixel_accuracy(report.confusion) if report.confusion.any() else None,
    }
    for group, labels in labels_of.items():
        found[f"miou_{group}"] = mean_percent(ious, labels) if labels else None
    seen, unseen = found["miou_seen"], found["miou_unseen"]
    if seen is not None and unseen is not None:
        found["harmonic_mean"] = 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0
    for name, matrix in {**report.by_size, **report.by_occlusion}.items():
        found[f"miou_{name}"] = mean_percent(class_ious(matrix))
    metrics = {name: value for name, value in found.items() if value is not None}
    occurs = ~np.isnan(ious)
    metrics["num_images"] = report.num_images
    metrics["num_classes"] = int(occurs.sum())
    for group, labels in labels_of.items():
        metrics[f"num_{group}"] = int(occurs[labels].sum())
    return metrics


@dataclass(frozen=True)
class _Strata:
    """Counts of pixels as a list: group of size, hidden part, truth, prediction, number."""

    sizes: NDArray[np.int64]
    hidden: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    pixels: NDArray[np.int64]

    def total(self, num_classes: int) -> Matrix:
        return self._matrix(np.ones(len(self.pixels), bool), num_classes)

    def of_size(self, size: int, num_classes: int) -> Matrix:
        return self._matrix(self.sizes == size, num_classes)

    def of_hidden(self, hidden: int, num_classes: int) -> Matrix:
        return self._matrix(self.hidden == hidden, num_classes)

    def _matrix(self, chosen: NDArray[np.bool_], num_classes: int) -> Matrix:
        matrix = np.zeros((num_classes, num_classes + 1), np.int64)
        np.add.at(matrix, (self.truth[chosen], self.predicted[chosen]), self.pixels[chosen])
        return matrix


def _groups(facts: Mapping[str, Any], num_classes: int) -> list[str]:
    groups = [""] * num_classes
    for group in ("seen", "unseen"):
        for label in facts[group]:
            groups[label] = group
    return groups
