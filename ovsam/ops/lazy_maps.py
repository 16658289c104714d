"""Maps that are convolved only where regions read them."""

import threading
from collections.abc import Callable, Sequence
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional as F

#: Side of a tile in cells; maps with sides that it does not divide are convolved whole.
TILE = 16
#: Sides below this many cells are not worth the search for tiles.
MIN_SIDE = 64
#: Share of the tiles of a map from which on all of it is convolved.
MOST = 0.5


class LazyMaps(Sequence[Tensor]):
    """Levels of a pyramid behind their last 3x3 convolution, without gradients.

    `maps[level]` is a whole map. `near` convolves those tiles of it that boxes touch, and keeps them:
    further boxes add what is missing.

    Args:
        inputs: maps (B, C, h_l, w_l) before the convolutions.
        convolutions: of each level, with their bias; `convolution(maps, padding)` -> maps.
    """

    def __init__(
        self, inputs: Sequence[Tensor], convolutions: Sequence[Callable[[Tensor, int], Tensor]]
    ) -> None:
        self.inputs = list(inputs)
        self.convolutions = list(convolutions)
        self._whole: list[Tensor | None] = [None] * len(self.inputs)
        self._parts: list[Tensor | None] = [None] * len(self.inputs)  # (B, D, h, w), zeros where unknown
        self._known: list[Tensor | None] = [None] * len(self.inputs)  # (B, tall, wide) bool of tiles
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self.inputs)

    @overload
    def __getitem__(self, level: int) -> Tensor: ...

    @overload
    def __getitem__(self, level: slice) -> list[Tensor]: ...

    @torch.no_grad()
    def __getitem__(self, level: int | slice) -> Tensor | list[Tensor]:
        if isinstance(level, slice):
            return [self[number] for number in range(len(self))[level]]
        with self._lock:
            whole = self._whole[level]
            if whole is None:
                whole = self._whole[level] = self.convolutions[level](self.inputs[level], 1)
                self._parts[level] = self._known[level] = None
            return whole

    def rows(self, rows: slice) -> "LazyMaps":
        """Those of some images of the batch, in memory of their own."""
        return LazyMaps([level[rows].clone() for level in self.inputs], self.convolutions)

    @torch.no_grad()
    def near(self, level: int, boxes: Tensor, image_index: Tensor, stride: float) -> Tensor:
        """A map (B, D, h, w) that is right in and around the boxes, and zero or right elsewhere.

        Args:
            boxes: (N, 4) xyxy px of the padded input.
            image_index: (N,) int64.
            stride: of the level, px.
        """
        inputs = self.inputs[level]
        sides = inputs.shape[-2:]
        if min(sides) < MIN_SIDE or any(side % TILE for side in sides):
            return self[level]
        with self._lock:
            if self._whole[level] is not None:
                return self[level]
            known, parts = self._known[level], self._parts[level]
            if known is None:
                known = torch.zeros(len(inputs), sides[0] // TILE, sides[1] // TILE, dtype=torch.bool)
            needed = _touched(boxes.cpu(), image_index.cpu(), stride, known)
            if needed.float().mean() > MOST:
                return self[level]
            missing = (needed & ~known).nonzero()
            found = self._convolved(level, missing)  # (T, D, TILE, TILE)
            if parts is None:
                parts = self._parts[level] = inputs.new_zeros(len(inputs), found.shape[1], *sides)
            tiles = parts.unflatten(3, (-1, TILE)).unflatten(2, (-1, TILE)).permute(0, 2, 4, 1, 3, 5)
            tiles[missing.unbind(1)] = found
            self._known[level] = needed
            return parts

    def _convolved(self, level: int, places: Tensor) -> Tensor:
        """Tiles at (T, 3): image, row, column of tiles -> (T, D, TILE, TILE)."""
        padded = F.pad(self.inputs[level], (1, 1, 1, 1))
        windows = padded.unfold(2, TILE + 2, TILE).unfold(3, TILE + 2, TILE)  # (B, C, tall, wide, s, s)
        chosen = windows.permute(0, 2, 3, 1, 4, 5)[places.unbind(1)]
        return self.convolutions[level](chosen, 0)


def _touched(boxes: Tensor, image_index: Tensor, stride: float, known: Tensor) -> Tensor:
    """Tiles (B, tall, wide) with a cell that RoIAlign may read for boxes (N, 4) in px, or known ones."""
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
