"""Regular places on an image: a grid of points, and overlapping crops."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovsam.interfaces import Size


@dataclass(frozen=True)
class Crop:
    """A window of an image, px: rows top to bottom, columns left to right (both ends open)."""

    left: int
    top: int
    right: int
    bottom: int
    layer: int

    @property
    def size(self) -> Size:
        """(h, w) px."""
        return self.bottom - self.top, self.right - self.left


def point_grid(size: Size, points_per_side: int) -> NDArray[np.float32]:
    """Middles (n * n, 2) float32 xy px, row by row, of a grid of n x n cells over (H, W) px."""
    if points_per_side < 1:
        raise ValueError(f"points_per_side must be 1 or more, got {points_per_side}")
    steps = (np.arange(points_per_side) + 0.5) / points_per_side
    # A coordinate is the index of a pixel, as in `ops.points`, so the middle of a cell is half less.
    columns = np.clip(steps * size[1] - 0.5, 0, size[1] - 1)
    rows = np.clip(steps * size[0] - 0.5, 0, size[0] - 1)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)


def crop_layers(size: Size, num_layers: int, overlap: float) -> list[Crop]:
    """The whole image, and for layer i = 1, 2, ... its 2^i x 2^i overlapping crops.

    Source: Kirillov et al., Segment Anything, appendix B ("Zoomed-in image crops").

    Args:
        size: (H, W) px.
        num_layers: layers in addition to the whole image.
        overlap: of two neighbours in layer 1, as a share of the image's shorter side; half as much in
            layer 2, and so on.
    """
    if num_layers < 0 or not 0 <= overlap < 1:
        raise ValueError(
            f"layers must be 0 or more and the overlap in 0..1, got {num_layers} and {overlap}"
        )
    height, width = size
    crops = [Crop(0, 0, width, height, 0)]
    for layer in range(1, num_layers + 1):
        parts = 2**layer
        shared = int(overlap * min(size) * 2 / parts)
        if min(size) < parts:
            raise ValueError(f"an image of {width} x {height} px cannot be cut into {parts} x {parts}")
        columns, rows = _spans(width, parts, shared), _spans(height, parts, shared)
        crops += [Crop(x0, y0, x1, y1, layer) for y0, y1 in rows for x0, x1 in columns]
    return crops


def touches_inner_edge(
    boxes: NDArray[np.float32], crop: Crop, size: Size, tolerance: float
) -> NDArray[np.bool_]:
    """Boxes that end where the crop does but the image does not: their objects go on outside.

    Boxes (K, 4) xyxy px in the frame of the crop, (H, W) of the image, tolerance in px -> (K,) bool.
    """
    height, width = crop.size
    inner = np.array([crop.left > 0, crop.top > 0, crop.right < size[1], crop.bottom < size[0]])
    near = np.abs(boxes - np.array([0, 0, width, height], np.float32)) <= tolerance
    return (near & inner).any(axis=1)


def _spans(length: int, parts: int, shared: int) -> list[tuple[int, int]]:
    """`parts` spans that cover 0..length, neighbours sharing about `shared` px."""
    span = min(-(-(length + shared * (parts - 1)) // parts), length)
    starts = [round(i * (length - span) / (parts - 1)) for i in range(parts)]
    return [(start, start + span) for start in starts]
