"""Views of an image at test (overlapping windows, the whole image), and the merging of their maps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.interfaces import Size

Activation = Callable[[Tensor], Tensor]


class Views(Protocol):
    """How a network sees an image, and how its answers become one map."""

    def split(self, image: Tensor) -> Tensor:
        """(3, H, W) normalised -> (V, 3, s, s)."""
        ...

    def merge(self, maps: Tensor, activation: Activation, size: Size) -> Tensor:
        """Logits (V, C, h, w) -> probabilities (C, *size)."""
        ...


def window_places(size: int, window: int, stride: int) -> list[tuple[int, int]]:
    """(top, left) px of square windows over a square, row-major; the last ones end at its edge."""
    if not 0 < stride <= window <= size:
        raise ValueError(
            f"expected 0 < stride <= window <= size, got stride {stride}, window {window}, size {size}"
        )
    starts = [*range(0, size - window, stride), size - window]
    return [(top, left) for top in starts for left in starts]


def merge_windows(maps: Tensor, places: list[tuple[int, int]], size: int) -> Tensor:
    """Mean of overlapping windows (V, C, w, w) at their `places` (top, left) px -> (C, size, size)."""
    window = maps.shape[-1]
    summed = maps.new_zeros(maps.shape[1], size, size)
    coverage = maps.new_zeros(size, size)
    for values, (top, left) in zip(maps, places, strict=True):
        summed[:, top : top + window, left : left + window] += values
        coverage[top : top + window, left : left + window] += 1
    return summed / coverage


@dataclass(frozen=True, kw_only=True)
class SlidingViews:
    """Windows of the squashed image and the whole image, averaged.

    Source: Cho et al., CAT-Seg, section 4.1 and its released code.
    """

    size: int = 640  # side in px of the square that the image is resized to; its aspect ratio is lost
    window: int = 384  # side in px of a window, and of the whole image as the last view
    stride: int = 256  # px from window to window
    with_whole: bool = True  # with the whole image as a view of its own

    def split(self, image: Tensor) -> Tensor:
        """(3, H, W) -> (V, 3, window, window)."""
        square = resize(image[None], (self.size, self.size))[0]
        views = [
            square[:, top : top + self.window, left : left + self.window]
            for top, left in window_places(self.size, self.window, self.stride)
        ]
        if self.with_whole:
            views.append(resize(image[None], (self.window, self.window))[0])
        return torch.stack(views)

    def merge(self, maps: Tensor, activation: Activation, size: Size) -> Tensor:
        """Logits (V, C, h, w) -> (C, *size) in 0..1."""
        places = window_places(self.size, self.window, self.stride)
        probs = activation(resize(maps, (self.window, self.window)))
        merged = merge_windows(probs[: len(places)], places, self.size)
        if self.with_whole:
            merged = (merged + resize(probs[-1:], (self.size, self.size))[0]) / 2
        return resize(merged[None], size)[0]


@dataclass(frozen=True, kw_only=True)
class WholeView:
    """The whole image at once.

    Source: CAT-Seg's released code without sliding windows. It does not remove its padding again, so
    `pad_multiple=32` stretches the map of a padded image a little; with 1 nothing is padded.
    """

    size: int = 384  # side in px that the image is resized to
    pad_multiple: int = 32  # sides are first padded right and below with zeros to multiples of this

    def split(self, image: Tensor) -> Tensor:
        """(3, H, W) -> (1, 3, size, size)."""
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % self.pad_multiple, 0, -height % self.pad_multiple))
        return resize(padded[None], (self.size, self.size))

    def merge(self, maps: Tensor, activation: Activation, size: Size) -> Tensor:
        """Logits (1, C, h, w) -> (C, *size) in 0..1."""
        return resize(activation(maps), size)[0]


def resize(maps: Tensor, size: Size) -> Tensor:
    """(B, C, h, w) -> (B, C, *size), bilinear, pixel areas aligned; unchanged where the size fits."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
