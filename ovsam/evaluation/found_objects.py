"""How many objects a set of masks finds, and how many of the masks are objects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from ovsam.ops.masks import encode_masks


@dataclass(frozen=True)
class FoundObjects:
    """Counts over images; they add up."""

    objects: int = 0  # true ones
    masks: int = 0  # given ones
    # a mask with an object, each in one pair at most; other masks are fragments, doubles or background
    pairs: int = 0

    def __add__(self, other: "FoundObjects") -> "FoundObjects":
        return FoundObjects(
            self.objects + other.objects, self.masks + other.masks, self.pairs + other.pairs
        )

    @property
    def recall(self) -> float:
        """Percent of the objects that are found."""
        return 100 * self.pairs / self.objects if self.objects else 0.0

    @property
    def precision(self) -> float:
        """Percent of the masks that are objects."""
        return 100 * self.pairs / self.masks if self.masks else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both, percent."""
        return 200 * self.pairs / (self.objects + self.masks) if self.objects + self.masks else 0.0


def count_found(
    truth: NDArray[np.bool_], found: NDArray[np.bool_], min_iou: float = 0.5
) -> FoundObjects:
    """Pair the masks (k, H, W) of one image with its objects (n, H, W), as many as possible.

    The IoU of a pair is `min_iou` (0..1) or more.
    """
    if not len(truth) or not len(found):
        return FoundObjects(len(truth), len(found), 0)
    ious = coco_mask.iou(encode_masks(truth), encode_masks(found), [0] * len(found))  # (n, k)
    fits = ious >= min_iou
    rows, columns = linear_sum_assignment(fits, maximize=True)
    return FoundObjects(len(truth), len(found), int(fits[rows, columns].sum()))
