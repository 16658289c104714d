"""What a source of boxes returns."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DetectedBoxes:
    """The boxes of one image, best first.

    Attributes:
        boxes: (n, 4) float32 xyxy px, original.
        scores: (n,) float32.
        classes: (n,) int64, places in the detector's own `class_names`.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]


class Detector(Protocol):
    """An image to boxes."""

    class_names: tuple[str, ...]

    def __call__(self, image: NDArray[np.uint8]) -> DetectedBoxes:
        """(H, W, 3) uint8 RGB, original."""
        ...
