"""Label maps with a threshold, judged on pictures whose background has no class.

A mean IoU over the pixels of objects does not show how far a model's regions reach beyond them. Here
pixels without a label are a class of their own, the background, in the truth and in the prediction.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ovsam.evaluation.confusion import Matrix

IGNORED = -1


def background_matrices(
    truth: NDArray[np.integer],
    labels: NDArray[np.integer],
    scores: NDArray[np.floating],
    num_classes: int,
    thresholds: Sequence[float],
) -> NDArray[np.int64]:
    """Confusion with the background as class C, once for each threshold.

    Args:
        truth: (H, W) in 0..C, where C is the background; `IGNORED` does not count.
        labels: (H, W), the best class of each pixel, in 0..C - 1; C: a class that the truth does not
            know, which is always wrong.
        scores: (H, W) of the best class, 0..1.
        num_classes: C.
        thresholds: K scores; a pixel with a lower one is predicted as background.

    Returns:
        (K, C + 1, C + 2), each a `confusion.Matrix`.

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
    matrices: list[Matrix] = []
    for threshold in thresholds:
        columns = np.where(scores[known] >= threshold, named, num_classes)
        counts = np.bincount(
            rows * (num_classes + 2) + columns, minlength=(num_classes + 1) * (num_classes + 2)
        )
        matrices.append(counts.reshape(num_classes + 1, num_classes + 2))
    return np.stack(matrices)


def object_iou(confusion: Matrix) -> float:
    """IoU of all objects with all that has a name, whatever the name, 0..1.

    Args:
        confusion: (C + 1, C + 2) of `background_matrices`.
    """
    background = len(confusion) - 1
    named = confusion.sum() - confusion[:, background].sum()
    objects = confusion[:background].sum()
    both = objects - confusion[:background, background].sum()
    return float(both / max(int(named + objects - both), 1))
