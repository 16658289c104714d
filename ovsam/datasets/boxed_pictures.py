"""Whole pictures with boxes and names: what a dense CLIP is trained on."""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ovsam.datasets.boxed_images import BoxedImages, crop_matrix, relight, warp
from ovsam.registry import DATASETS, passes_options_to

MOSAIC_SHIFT = 0.075  # largest way of an object from the middle of its tile, as a share of the tile
SHOWN_PART = 0.75  # of a box that must lie in a tile for its object to be named there


@DATASETS.register_module()
@passes_options_to(BoxedImages)
class BoxedPictureDataset(BoxedImages):
    """Pictures with their boxes and the name of what is in each, for contrast of patches.

    An item is dict(inputs=(3, h, w) uint8 RGB, boxes=(n, 4) float32 xyxy px, category_ids=(n,) int64);
    pictures without boxes are left out.

    In a mosaic every tile is a square window around an object drawn from the whole data set: more
    objects in the same number of pixels, at more scales, each beside strangers.

    Source: Bochkovskiy et al., YOLOv4, section 3.3, for mosaics. Differs in that the tiles are windows
    around objects, not scaled pictures.

    Args:
        size: side in px to which pictures are scaled; None: as they are.
        is_augmented: flip by chance, and change brightness and contrast.
        mosaic: share of the items that are mosaics of `size` px.
        mosaic_epochs: epochs, from the first, that have mosaics; None: all.
        tiles: of a mosaic in a row and in a column.
        context_range: side of a tile's window over the longer side of its object, least and most.
        options: those of `BoxedImages`.

    Raises:
        ValueError: mosaics without a size, or of a size that the tiles do not divide.
    """

    def __init__(
        self,
        *,
        size: int | None = None,
        is_augmented: bool = False,
        mosaic: float = 0.0,
        mosaic_epochs: int | None = None,
        tiles: int = 3,
        context_range: tuple[float, float] = (1.1, 1.8),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if mosaic and (size is None or size % tiles):
            raise ValueError(
                f"mosaics of {tiles} tiles a side need a multiple of it as size, got {size}"
            )
        self.size = size
        self.is_augmented = is_augmented
        self.mosaic = mosaic
        self.mosaic_epochs = mosaic_epochs
        self.tiles = tiles
        self.context_range = tuple(context_range)
        self.rows = np.flatnonzero(np.diff(self.annotations.first))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = self.rng_of(index)
        has_mosaics = self.mosaic_epochs is None or self.epoch < self.mosaic_epochs
        if rng.random() < self.mosaic * has_mosaics:
            image, boxes, objects = self._mosaic(rng)
        else:
            image, boxes, objects = self._picture(self.rows[index])
            if self.is_augmented and rng.random() < 0.5:
                image = image.flip(2)
                boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
        return dict(
            inputs=(relight(rng, image) if self.is_augmented else image).contiguous(),
            boxes=torch.from_numpy(boxes),
            category_ids=torch.from_numpy(self.annotations.category_ids[objects]),
        )

    def _picture(self, row: int) -> tuple[torch.Tensor, NDArray[np.float32], NDArray[np.int64]]:
        """Picture (3, h, w), boxes (n, 4) in its px, and numbers of its objects (n,)."""
        image, objects = self.images[row], self._objects_of(row)
        boxes = self.annotations.boxes[objects].copy()
        if self.size is not None:
            boxes *= np.tile(self.size / np.array(image.shape[1::-1], np.float32), 2)  # (w, h, w, h)
            image = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(image).permute(2, 0, 1), boxes, objects  # (h, w, 3) -> (3, h, w)

    def _mosaic(
        self, rng: np.random.Generator
    ) -> tuple[torch.Tensor, NDArray[np.float32], NDArray[np.int64]]:
        """As `_picture`, put together of `tiles` x `tiles` windows."""
        assert self.size is not None
        side = self.size // self.tiles
        image = torch.empty(3, self.size, self.size, dtype=torch.uint8)
        all_boxes, all_objects = [], []
        for tile in range(self.tiles**2):
            y, x = (side * place for place in divmod(tile, self.tiles))
            window, boxes, objects = self._window(rng, side)
            image[:, y : y + side, x : x + side] = window
            all_boxes.append(boxes + np.array([x, y, x, y], np.float32))
            all_objects.append(objects)
        return image, np.concatenate(all_boxes), np.concatenate(all_objects)

    def _window(
        self, rng: np.random.Generator, side: int
    ) -> tuple[torch.Tensor, NDArray[np.float32], NDArray[np.int64]]:
        """One tile: a window around some object, with what lies in it for the most part."""
        chosen = rng.integers(len(self.annotations.boxes))
        row, box = self.annotations.image_rows[chosen], self.annotations.boxes[chosen]
        shown = float((box[2:] - box[:2]).max()) * rng.uniform(*self.context_range)  # px of the picture
        centre = (box[:2] + box[2:]) / 2 + rng.uniform(-MOSAIC_SHIFT, MOSAIC_SHIFT, 2) * shown
        flip = -1.0 if rng.random() < 0.5 else 1.0
        window = warp(self.images[row], crop_matrix(centre, (flip * shown, shown), side), side)
        objects = self._objects_of(row)
        corners = (self.annotations.boxes[objects].reshape(-1, 2, 2) - centre) * (side / shown)
        corners[..., 0] *= flip
        corners = np.sort(corners, axis=1) + side / 2  # a mirrored box has its corners the other way
        inside = corners.clip(0, side)
        parts = np.diff(inside, axis=1).prod(axis=(1, 2)) / np.diff(corners, axis=1).prod(axis=(1, 2))
        is_shown = parts >= SHOWN_PART
        return window, inside[is_shown].reshape(-1, 4).astype(np.float32), objects[is_shown]

    def _objects_of(self, row: int) -> NDArray[np.int64]:
        return np.arange(*self.annotations.first[row : row + 2])
