"""The metric of semantic segmentation: one confusion matrix over the set, and what is read off it.

Mean IoU is over the classes that occur in the ground truth, at its size; ignored pixels do not count.
Seen and unseen classes (`base` and `novel` of the vocabulary) are also averaged apart. Regions of each
size, and objects of which more or less is hidden, have matrices of their own, made of their pixels only.

Source: CAT-Seg, section 4, and the choices of ESC-Net's evaluation (small objects, occlusion).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ovsam.evaluation.base import ImageMetric, harmonic_mean, present, to_array
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
    """What a test found, beyond the averages."""

    confusion: Matrix  # (C, C + 1), see `confusion`
    by_size: dict[str, Matrix]  # matrix of the regions of each of `SIZES`
    # matrix of the objects of each of `HIDDEN`; empty where the data do not know
    by_occlusion: dict[str, Matrix]
    class_names: list[str]  # C names
    groups: list[str]  # C times `seen`, `unseen` or nothing
    num_images: int  # images counted

    def to_dict(self, num_pairs: int = 20) -> dict[str, Any]:
        """Plain values: `classes` (one row each) and `confusions` (most frequent pairs)."""
        return dict(
            num_images=self.num_images,
            classes=class_table(self.confusion, self.class_names, self.groups),
            confusions=confusion_pairs(self.confusion, self.class_names, num_pairs),
        )


@METRICS.register_module()
class SemanticMetric(ImageMetric):
    """Mean IoU and accuracies of a data set, in percent; the matrices are kept in `report`.

    Needs `dataset_meta["semseg"]` (see `datasets.semseg.describe_spec`). A prediction is in labels of
    the data set's vocabulary, or of `predicted_names`; where the set has a background, all other
    classes count as background.
    """

    default_prefix = "semantic"

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
        super().__init__(collect_device=collect_device)
        self.region_sizes = None if region_sizes is None else tuple(region_sizes)
        self.hidden_parts = tuple(hidden_parts)
        self.predicted_names = None if predicted_names is None else list(predicted_names)
        self.report: SemanticReport | None = None
        self._table: NDArray[np.int64] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the data set says of its classes; ValueError where it has no label maps."""
        return self.meta("semseg")[0]

    def check_vocabulary(self) -> NDArray[np.int64]:
        """Evaluated label of each class that is predicted, C for none.

        Raises:
            ValueError: the vocabulary lacks a class of the data set, has none, or one twice.
        """
        if self._table is None:
            names = self.predicted_names
            if names is None:
                names = [synonyms[0] for synonyms in self.meta("vocabulary")[0]["classes"]]
            self._table = labels_of_names(names, self.facts)
        return self._table

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the pixels of samples, given as dicts.

        Each has `img_id`, `gt_sem_seg` and `pred_sem_seg` (H, W) of one size, and `gt_visible` where it
        is known.

        Raises:
            ValueError: sizes differ, or a prediction is no label of the vocabulary.
        """
        table = self.check_vocabulary()
        for sample in data_samples:
            truth, predicted = to_array(sample["gt_sem_seg"]), to_array(sample["pred_sem_seg"])
            if truth.shape != predicted.shape:
                raise ValueError(
                    f"image {sample['img_id']}: the prediction has (h, w) = {predicted.shape}, the"
                    f" ground truth {truth.shape}"
                )
            if predicted.size and not 0 <= predicted.min() <= predicted.max() < len(table):
                raise ValueError(
                    f"image {sample['img_id']}: predicted labels are"
                    f" {predicted.min()}..{predicted.max()}, the vocabulary has 0..{len(table) - 1}"
                )
            visible = None if sample.get("gt_visible") is None else to_array(sample["gt_visible"])
            keys, counts = self._count(truth, table[predicted], visible)
            self.results.append(
                dict(
                    image_id=sample["img_id"],
                    keys=keys,
                    counts=counts,
                    knows_occlusion=visible is not None,
                )
            )

    def compute(self, images: list[dict]) -> dict[str, float]:
        """Percentages and counts; keeps the matrices in `report`."""
        facts = self.facts
        self._table = None  # the next data set may be another one
        names = list(facts["class_names"])
        strata = np.zeros((len(SIZES), len(HIDDEN), len(names), len(names) + 1), np.int64)
        for image in images:
            strata.reshape(-1)[image["keys"]] += image["counts"]
        has_sizes = self.region_sizes is not None
        knows_occlusion = any(image["knows_occlusion"] for image in images)
        group_of = dict.fromkeys(facts["seen"], "seen") | dict.fromkeys(facts["unseen"], "unseen")
        self.report = SemanticReport(
            confusion=strata.sum(axis=(0, 1)),
            by_size=dict(zip(SIZES, strata.sum(axis=1), strict=True)) if has_sizes else {},
            by_occlusion=dict(zip(HIDDEN, strata.sum(axis=0), strict=True)) if knows_occlusion else {},
            class_names=names,
            groups=[group_of.get(label, "") for label in range(len(names))],
            num_images=len(images),
        )
        return summarize(self.report)

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
        (len(names),) int64; for a class that the data set does not evaluate, its background, or C (none
        of the classes) if it has none.

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
    """(H, W) int64 px: area of each pixel's region, connected pixels (8 neighbours) of one label.

    Pixels (H, W) that are not known have area 0.
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
    groups = np.array(report.groups)
    labels_of = {group: np.flatnonzero(groups == group).tolist() for group in ("seen", "unseen")}
    found: dict[str, float | None] = {
        "miou": mean_percent(ious),
        "macc": mean_percent(class_accuracies(report.confusion)),
        "pixel_accuracy": 100 * pixel_accuracy(report.confusion) if report.confusion.any() else None,
    }
    for group, labels in labels_of.items():
        found[f"miou_{group}"] = mean_percent(ious, labels)
    seen, unseen = found["miou_seen"], found["miou_unseen"]
    if seen is not None and unseen is not None:
        found["harmonic_mean"] = harmonic_mean(seen, unseen)
    for name, matrix in {**report.by_size, **report.by_occlusion}.items():
        found[f"miou_{name}"] = mean_percent(class_ious(matrix))
    occurs = ~np.isnan(ious)
    return {
        **present(found),
        "num_images": report.num_images,
        "num_classes": int(occurs.sum()),
        **{f"num_{group}": int(occurs[labels].sum()) for group, labels in labels_of.items()},
    }
