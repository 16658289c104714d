"""Keeps what frozen parts give for a picture, so that later epochs need not compute it again."""

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor

from ovsam.registry import MODELS


@MODELS.register_module()
class PictureCache:
    """Maps of pictures in memory, in half precision, found by the pixels.

    A picture that was flipped or cropped has other pixels, so it is another one. Maps are rounded and
    pictures computed one by one whether they are kept or not: results do not depend on what is kept.

    Args:
        max_gib: when so much memory is full, the maps of further pictures are computed each time.
    """

    def __init__(self, *, max_gib: float) -> None:
        self.bytes_left = int(max_gib * 2**30)
        self._kept: dict[bytes, list[Tensor]] = {}

    def __len__(self) -> int:
        """Pictures that are kept."""
        return len(self._kept)

    def __call__(
        self, images: Tensor, compute: Callable[[Tensor], list[Tensor]], kind: str = ""
    ) -> list[Tensor]:
        """Maps [(B, C_l, h_l, w_l)] of images (B, 3, S, S); `compute` gives those of (1, 3, S, S).

        Where there are several ways to compute them, `kind` says which.
        """
        found = [self._maps(image, compute, kind) for image in images.split(1)]
        return [torch.cat([one.to(images) for one in level]) for level in zip(*found, strict=True)]

    def _maps(self, image: Tensor, compute: Callable[[Tensor], list[Tensor]], kind: str) -> list[Tensor]:
        pixels = image.detach().cpu().contiguous().numpy()
        key = hashlib.blake2b(pixels, digest_size=16, person=kind.encode()).digest()
        if key in self._kept:
            return self._kept[key]
        with torch.no_grad():
            maps = [level.half() for level in compute(image)]
        size = sum(level.nbytes for level in maps)
        if size <= self.bytes_left:
            self.bytes_left -= size
            self._kept[key] = maps
        return maps
