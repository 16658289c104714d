"""Comparison of two results instance by instance: differences with bootstrap intervals.

Both results are of the same prompts, so each instance has a difference. Instances of one image are not
independent: the bootstrap draws images, each with all its instances.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ovsam.evaluation.promptable import InstanceResults

#: COCO's sizes: areas (px, original) from 0, from 32 x 32 and from 96 x 96.
SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, np.inf)}
NUM_RESAMPLES = 2_000
LEVEL = 0.95
RESAMPLES_AT_ONCE = 100  # bounds the memory: resamples x images


@dataclass(frozen=True)
class Difference:
    """One group of instances under two methods."""

    group: str
    metric: str  # `iou` or `accuracy`
    num: int  # instances
    first: float  # mean, percent
    second: float  # mean, percent
    low: float  # end of the interval of `second - first`, percent
    high: float
    num_better: int  # instances where the second is better
    num_worse: int

    @property
    def difference(self) -> float:
        """Second minus first, percent."""
        return self.second - self.first

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def read_instances(path: str | Path) -> InstanceResults:
    """Read `instances_*.npz` as a test leaves it.

    Raises:
        FileNotFoundError, ValueError: no file, or not such a file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no instances at {path}; tools/test.py writes them beside the record")
    try:
        with np.load(path, allow_pickle=False) as content:
            names = InstanceResults.__dataclass_fields__
            return InstanceResults(**{name: content[name] for name in names})
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"{path} holds no results of instances ({error}); test again") from None


def check_same_instances(first: InstanceResults, second: InstanceResults) -> None:
    """Raise ValueError unless both results are of the same instances in the same order."""
    if len(first.labels) != len(second.labels):
        raise ValueError(
            f"the results have {len(first.labels)} and {len(second.labels)} instances; test both on the"
            " same data"
        )
    for name in ("image_ids", "labels", "areas"):
        differs = getattr(first, name) != getattr(second, name)
        if np.any(differs):
            row = int(np.argmax(differs))
            raise ValueError(
                f"the results are of different instances: {name} differ in {int(differs.sum())} rows,"
                f" first in row {row} (image {first.image_ids[row]}); test both on the same data"
            )


def size_groups(areas: np.ndarray) -> dict[str, np.ndarray]:
    """Areas (n,) px, original -> rows (n,) bool of each of `SIZES`."""
    return {name: (areas >= low) & (areas < high) for name, (low, high) in SIZES.items()}


def label_groups(
    labels: np.ndarray, base: Sequence[int], novel: Sequence[int], names: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Rows (n,) bool of `base` and `novel`, and of every class that occurs, by its display name.

    `labels` (n,) are in vocabulary order.
    """
    split = {"base": np.isin(labels, list(base)), "novel": np.isin(labels, list(novel))}
    classes = {names[label]: labels == label for label in np.unique(labels)}
    return split, classes


def compare_groups(
    first: InstanceResults,
    second: InstanceResults,
    groups: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> list[Difference]:
    """Differences of groups of instances.

    Args:
        groups: name -> (n,) bool. Groups without instances are left out.
        seed: of the bootstrap.
        num_resamples: drawn sets of images.

    Returns:
        IoU of every group, then accuracy, where both results name what they segment.

    Raises:
        ValueError: the results are of different instances.
    """
    check_same_instances(first, second)
    values = {"iou": (first.ious, second.ious)}
    if _have_names(first, second):
        values["accuracy"] = (_correct(first), _correct(second))
    found = []
    for metric, (ones, others) in values.items():
        for group, rows in groups.items():
            if not rows.any():
                continue
            gain = others[rows] - ones[rows]
            low, high = bootstrap_interval(
                gain, first.image_ids[rows], seed=seed, num_resamples=num_resamples
            )
            found.append(
                Difference(
                    group=group,
                    metric=metric,
                    num=len(gain),
                    first=100 * float(ones[rows].mean()),
                    second=100 * float(others[rows].mean()),
                    low=100 * low,
                    high=100 * high,
                    num_better=int((gain > 0).sum()),
                    num_worse=int((gain < 0).sum()),
                )
            )
    return found


def worst_rows(first: InstanceResults, second: InstanceResults, num: int) -> np.ndarray:
    """At most `num` rows where the second result loses most against the first, the worst first.

    The loss is that of IoU (0..1), plus 1 where only the first names rightly, minus 1 where only the
    second does: a lost name counts as much as a whole mask. Rows without a loss never come.
    """
    check_same_instances(first, second)
    loss = first.ious - second.ious
    if _have_names(first, second):
        loss = loss + _correct(first) - _correct(second)
    order = np.argsort(-loss, kind="stable")[:num]
    return order[loss[order] > 0]


def bootstrap_interval(
    values: np.ndarray,
    image_ids: np.ndarray,
    *,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Interval of the mean of `values` (n,) that holds the share `level` of the resamples, 0..1.

    A resample draws images with replacement; `image_ids` (n,) has the image of each value.
    """
    _, image = np.unique(image_ids, return_inverse=True)
    sums, counts = np.bincount(image, weights=values), np.bincount(image)
    num_images = len(counts)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, num_resamples, RESAMPLES_AT_ONCE):
        num = min(RESAMPLES_AT_ONCE, num_resamples - start)
        drawn = generator.integers(num_images, size=(num, num_images))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def _correct(rows: InstanceResults) -> np.ndarray:
    """(n,) 1.0 where the name is right."""
    return (rows.predicted == rows.labels).astype(np.float64)


def _have_names(first: InstanceResults, second: InstanceResults) -> bool:
    return bool((first.predicted >= 0).any() and (second.predicted >= 0).any())
