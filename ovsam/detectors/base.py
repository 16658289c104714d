"""What a source of boxes returns."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DetectedBoxes:
    """The boxes of one image, best first."""

    boxes: NDArray[np.float32]  # (n, 4) xyxy px, original
    scores: NDArray[np.float32]  # (n,)
    classes: NDArray[np.int64]  # (n,), places in the detector's own `class_names`


class Detector(Protocol):
    """An image to boxes."""

    class_names: tuple[str, ...]

    def __call__(self, image: NDArray[np.uint8]) -> DetectedBoxes:
        """(H, W, 3) uint8 RGB, original."""
        ...
