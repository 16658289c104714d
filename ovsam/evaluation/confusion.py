"""Figures of a confusion matrix of C classes: IoU, accuracies, a table of classes, frequent confusions.

A matrix is (C, C + 1) counts of pixels; rows are the truth, columns the prediction; the last column is
a prediction that is none of the C classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int64]
OTHER = "(none of the classes)"
IGNORED = -1  # in the truth of `background_matrices`


def class_ious(confusion: Matrix) -> NDArray[np.float64]:
    """(C,) intersection over union, 0..1; NaN for a class that does not occur in the truth."""
    right, occurs = np.diagonal(confusion), confusion.sum(axis=1)
    union = occurs + confusion[:, : len(confusion)].sum(axis=0) - right
    return np.where(occurs > 0, right / np.maximum(union, 1), np.nan)


def class_accuracies(confusion: Matrix) -> NDArray[np.float64]:
    """(C,) part of the pixels of a class that are predicted as it, 0..1; NaN where it has none."""
    occurs = confusion.sum(axis=1)
    return np.where(occurs > 0, np.diagonal(confusion) / np.maximum(occurs, 1), np.nan)


def pixel_accuracy(confusion: Matrix) -> float:
    """Part of all pixels that is right, 0..1; NaN without pixels."""
    total = int(confusion.sum())
    return float(np.trace(confusion) / total) if total else float("nan")


def mean_percent(values: NDArray[np.float64], labels: Sequence[int] | None = None) -> float | None:
    """Mean in percent over `labels` (all if left out) that have a value; None where none has."""
    chosen = values if labels is None else values[list(labels)]
    chosen = chosen[~np.isnan(chosen)]
    return 100 * float(chosen.mean()) if len(chosen) else None


def class_table(confusion: Matrix, names: Sequence[str], groups: Sequence[str]) -> list[dict[str, Any]]:
    """One row per class, in the order of the labels; `groups` are C texts, such as `seen`.

    Returns:
        `label`, `name`, `group`, `iou` and `accuracy` (percent, None where the class does not occur),
        `pixels` of the truth and of the prediction (`predicted`).
    """
    ious, accuracies = class_ious(confusion), class_accuracies(confusion)
    pixels, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        dict(
            label=label,
            name=name,
            group=group,
            iou=_percent(ious[label]),
            accuracy=_percent(accuracies[label]),
            pixels=int(pixels[label]),
            predicted=int(predicted[label]),
        )
        for label, (name, group) in enumerate(zip(names, groups, strict=True))
    ]


def confusion_pairs(confusion: Matrix, names: Sequence[str], num: int = 20) -> list[dict[str, Any]]:
    """At most `num` pairs of classes that are confused in most pixels, most first.

    Returns:
        `truth` and `predicted` (names), `pixels`, and `percent` of the truth's pixels.
    """
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    flat = wrong.ravel()
    order = np.argsort(-flat, kind="stable")[:num]
    columns = [*names, OTHER]
    pixels = confusion.sum(axis=1)
    return [
        dict(
            truth=names[row],
            predicted=columns[column],
            pixels=int(wrong[row, column]),
            percent=100 * float(wrong[row, column] / pixels[row]),
        )
        for row, column in (divmod(int(place), len(columns)) for place in order)
        if wrong[row, column] > 0
    ]


def background_matrices(
    truth: NDArray[np.integer],
    labels: NDArray[np.integer],
    scores: NDArray[np.floating],
    num_classes: int,
    thresholds: Sequence[float],
) -> NDArray[np.int64]:
    """Confusion with the background, pixels without a label, as class C: one for each threshold.

    A mean IoU over the pixels of objects does not show how far regions reach beyond them; this does.

    Args:
        truth: (H, W) in 0..C, where C is the background; `IGNORED` does not count.
        labels: (H, W), the best class of each pixel, in 0..C - 1; C: a class that the truth does not
            know, which is always wrong.
        scores: (H, W) of the best class, 0..1.
        num_classes: C.
        thresholds: K scores; a pixel with a lower one is predicted as background.

    Returns:
        (K, C + 1, C + 2), each a `Matrix`.

    Raises:
        ValueError: shapes or labels that do not fit.
    """
    if not truth.shape == labels.shape == scores.shape:
        raise ValueError(
            f"truth, labels and scores must be of one size, got {truth.shape}, {labels.shape},"
            f" {scores.shape}"
        )
    for name, values, lowest in (("truth", truth, IGNORED), ("labels", labels, 0)):
        if values.size and not lowest <= values.min() <= values.max() <= num_classes:
            raise ValueError(
                f"{name} must be {lowest}..{num_classes}, got {values.min()}..{values.max()}"
            )
    known = truth != IGNORED
    rows = truth[known].astype(np.int64)
    unknown_class = num_classes + 1
    named = np.where(labels[known] == num_classes, unknown_class, labels[known]).astype(np.int64)
    matrices = np.zeros((len(thresholds), num_classes + 1, num_classes + 2), np.int64)
    for matrix, threshold in zip(matrices, thresholds, strict=True):
        columns = np.where(scores[known] >= threshold, named, num_classes)
        np.add.at(matrix, (rows, columns), 1)
    return matrices


def object_iou(confusion: Matrix) -> float:
    """IoU of all objects with all that has a name, whatever the name, 0..1, by `background_matrices`."""
    background = len(confusion) - 1
    named = confusion.sum() - confusion[:, background].sum()
    objects = confusion[:background].sum()
    both = objects - confusion[:background, background].sum()
    return float(both / max(int(named + objects - both), 1))


def _percent(value: float) -> float | None:
    return None if np.isnan(value) else 100 * float(value)
