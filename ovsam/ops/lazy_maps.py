"""Maps that are convolved only where regions read them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

import torch
from torch import Tensor
from torch.nn import functional as F

# Of tiles of 8, 16 and 32 cells, 16 let boxes of COCO's sizes compute least; below 64 cells a whole map
# takes less time than the search.
TILE = 16
MIN_SIDE = 64
#: From this share of the tiles on, the whole map is convolved.
MAX_TILE_SHARE = 0.5

#: 3x3 convolution without padding: (B, C, h + 2, w + 2) -> (B, D, h, w).
Convolution = Callable[[Tensor], Tensor]


class LazyMaps(Sequence[Tensor]):
    """Levels of a pyramid behind their last 3x3 convolution, without gradients.

    `maps[level]` is a whole map. `near` convolves those tiles of it that boxes touch, and keeps them:
    further boxes add what is missing. The last bits of a cell depend on whether its tile or the whole
    map was convolved. Weights are read when a map is asked for: change none in between. Copies and
    pickles are lists of whole maps.

    Args:
        inputs: maps (B, C, h_l, w_l) before the convolutions.
        convolutions: of each level, with their bias.
    """

    def __init__(self, inputs: Sequence[Tensor], convolutions: Sequence[Convolution]) -> None:
        self._levels = [_Level(*parts) for parts in zip(inputs, convolutions, strict=True)]
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._levels)

    @overload
    def __getitem__(self, level: int) -> Tensor: ...

    @overload
    def __getitem__(self, level: slice) -> list[Tensor]: ...

    def __getitem__(self, level: int | slice) -> Tensor | list[Tensor]:
        if isinstance(level, slice):
            return [self[number] for number in range(len(self))[level]]
        with self._lock, _plainly():
            return self._levels[level].whole()

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)

    def rows(self, rows: slice) -> "LazyMaps":
        """Those of some images of the batch, in memory of their own."""
        with self._lock, _plainly():
            other = LazyMaps((), ())
            other._levels = [level.rows(rows) for level in self._levels]
            return other

    def near(self, level: int, boxes: Tensor, image_index: Tensor, stride: float) -> Tensor:
        """A map (B, D, h, w) that is right in and around the boxes, and zero or right elsewhere.

        Args:
            boxes: (N, 4) xyxy px of the padded input.
            image_index: (N,) int64.
            stride: of the level, px.
        """
        with self._lock, _plainly():
            return self._levels[level].near(boxes.cpu(), image_index.cpu(), stride)


@contextmanager
def _plainly() -> Iterator[None]:
    """What is kept serves calls under other modes: tensors that may be written, of the inputs' type."""
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        yield


class _Level:
    """One level; of input, tiles and whole map it holds what is still needed."""

    def __init__(self, inputs: Tensor, convolution: Convolution) -> None:
        self.convolution = convolution
        self.num, self.sides = len(inputs), inputs.shape[-2:]
        self._inputs: Tensor | None = inputs  # (B, C, h, w), with a border of zeros once it was read
        self._whole: Tensor | None = None
        self._parts: Tensor | None = None  # (B, D, h, w), zero where unknown
        self._known = torch.zeros(self.num, *(side // TILE for side in self.sides), dtype=torch.bool)

    def whole(self) -> Tensor:
        """(B, D, h, w)."""
        if self._whole is None:
            self._whole = self.convolution(self._bordered())
            self._inputs = self._parts = None
        return self._whole

    def rows(self, rows: slice) -> "_Level":
        """That of some images, in memory of its own."""
        if self._inputs is None:
            other = _Level(self.whole()[rows], self.convolution)
            other._whole, other._inputs = self.whole()[rows].clone(), None
            return other
        height, width = self.sides
        top, left = ((self._inputs.shape[dim] - side) // 2 for dim, side in ((2, height), (3, width)))
        inputs = self._inputs[rows, :, top : top + height, left : left + width]
        return _Level(inputs.clone(), self.convolution)

    def near(self, boxes: Tensor, image_index: Tensor, stride: float) -> Tensor:
        """As `LazyMaps.near`."""
        is_tiled = min(self.sides) >= MIN_SIDE and not any(side % TILE for side in self.sides)
        if self._whole is not None or not is_tiled:
            return self.whole()
        needed = _touched(boxes, image_index, stride, self._known)
        if needed.float().mean() > MAX_TILE_SHARE:
            return self.whole()
        missing = needed & ~self._known
        if self._parts is None or missing.any():
            self._convolve(missing.nonzero())
            self._known = needed
        assert self._parts is not None
        return self._parts

    def _convolve(self, places: Tensor) -> None:
        """Add tiles at (T, 3): image, row, column of tiles."""
        side = TILE + 2
        windows = self._bordered().unfold(2, side, TILE).unfold(3, side, TILE)  # (B, C, t, u, s, s)
        found = self.convolution(windows.permute(0, 2, 3, 1, 4, 5)[places.unbind(1)])
        if self._parts is None:
            self._parts = found.new_zeros(self.num, found.shape[1], *self.sides)
        tiles = self._parts.unflatten(3, (-1, TILE)).unflatten(2, (-1, TILE))
        tiles.permute(0, 2, 4, 1, 3, 5)[places.unbind(1)] = found

    def _bordered(self) -> Tensor:
        """The input with a border of zeros, (B, C, h + 2, w + 2), in the place of the input."""
        assert self._inputs is not None
        if self._inputs.shape[-2:] == self.sides:
            self._inputs = F.pad(self._inputs, (1, 1, 1, 1))
        return self._inputs


def _touched(boxes: Tensor, image_index: Tensor, stride: float, known: Tensor) -> Tensor:
    """Tiles (B, t, u) with a cell that RoIAlign may read for boxes (N, 4) in px, or known ones."""
    touched = known.clone()
    # Samples lie within the box, half a cell up and left; each reads the cells around it.
    low = ((boxes[:, :2] / stride - 1.5).floor() / TILE).floor().long()
    high = ((boxes[:, 2:] / stride + 1.5).floor() / TILE).floor().long()
    last = torch.tensor([known.shape[2] - 1, known.shape[1] - 1])
    low, high = low.clamp(min=0).minimum(last), high.clamp(min=0).minimum(last)
    for image, (left, top), (right, bottom) in zip(
        image_index.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        touched[image, top : bottom + 1, left : right + 1] = True
    return touched
