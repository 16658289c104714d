"""Crops of annotated images with captions: what a small CLIP is trained on and judged by."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ovsam.datasets.boxed_images import BORDER, BoxedImages, crop_matrix, relight, warp
from ovsam.ops.image_crops import Aspect, crop_bounds, crop_images
from ovsam.registry import DATASETS, passes_options_to


@DATASETS.register_module()
class BoxCropDataset(BoxedImages):
    """The crop of every annotated box, without randomness, for zero-shot evaluation.

    An item is dict(inputs=(3, s, s) uint8 RGB, category_ids=int).

    Args:
        annotation_file: COCO JSON.
        image_folder: folder of the images it names.
        crop_size: s, px.
        margin: added on every side of the box, as a share of its side.
        aspect: how the crop becomes square, see `ops.image_crops.Aspect`.
    """

    def __init__(
        self,
        *,
        annotation_file: str,
        image_folder: str,
        crop_size: int,
        margin: float = 0.0,
        aspect: Aspect = "context",
    ) -> None:
        super().__init__(annotation_file=annotation_file, image_folder=image_folder)
        self.crop_size = crop_size
        self.margin = margin
        self.aspect = aspect

    def __getitem__(self, index: int) -> dict[str, Any]:
        image = self.images[self.annotations.image_rows[index]]
        box = self.annotations.boxes[index].tolist()
        crop = crop_images(
            torch.from_numpy(image).permute(2, 0, 1)[None].float(),  # (h, w, 3) -> (1, 3, h, w)
            torch.zeros(1, dtype=torch.int64),
            [crop_bounds(box, image.shape[:2], self.margin, self.aspect)],
            size=self.crop_size,
            fill=torch.tensor(BORDER),
            aspect=self.aspect,
        )
        return dict(
            inputs=crop[0].round().to(torch.uint8),
            category_ids=int(self.annotations.category_ids[index]),
        )


@DATASETS.register_module()
@passes_options_to(BoxedImages)
class CaptionCropDataset(BoxedImages):
    """Random crops with captions: one object with more or less of its surroundings, or a window.

    An item is dict(inputs=(3, s, s) uint8 RGB, captions=sentence, names=frozenset of those in it).
    Some items (`window_fraction`) are windows of `window_side` px of the image around an object,
    captioned with every object that lies mostly inside. The others, and windows too small for any
    object, show one object in a square of `context_range` times its longer side. All are flipped, turned
    and shifted a little, and vary in brightness and contrast.

    Args:
        templates: sentences with one `{}` each, one is drawn per item.
        crop_size: s, px.
        context_range: side of a square over the longer side of its object, least and most.
        window_fraction: share of the items that are windows.
        window_side: px of the image that a window shows; s, the image's own scale, if left out.
        max_angle: largest turn, degrees.
        options: those of `BoxedImages`.
    """

    def __init__(
        self,
        *,
        templates: Sequence[str],
        crop_size: int,
        context_range: tuple[float, float] = (1.0, 1.6),
        window_fraction: float = 0.2,
        window_side: int | None = None,
        max_angle: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.crop_size = crop_size
        self.templates = tuple(templates)
        self.context_range = tuple(context_range)
        self.window_fraction = window_fraction
        self.window_side = window_side or crop_size
        self.max_angle = max_angle

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = self.rng_of(index)
        box = self.annotations.boxes[index]
        row = self.annotations.image_rows[index]
        objects: list[int] = []
        if rng.random() < self.window_fraction:
            side, centre = self._window(rng, box, self.images[row].shape)
            objects = self._inside(row, centre, side)
        if not objects:
            side = float((box[2:] - box[:2]).max()) * rng.uniform(*self.context_range)
            centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.05, 0.05, 2) * side
            objects = [index]
        flip = -1.0 if rng.random() < 0.5 else 1.0
        angle = float(np.radians(rng.uniform(-self.max_angle, self.max_angle)))
        matrix = crop_matrix(centre, (side * flip, side), self.crop_size, angle)
        names = frozenset(self.names[int(self.annotations.category_ids[i])] for i in objects)
        about = " and ".join(f"a {name}" for name in sorted(names))[2:]  # templates bring the first "a"
        return dict(
            inputs=relight(rng, warp(self.images[row], matrix, self.crop_size)),
            captions=self.templates[rng.integers(len(self.templates))].format(about),
            names=names,
        )

    def _window(
        self, rng: np.random.Generator, box: NDArray, shape: tuple[int, ...]
    ) -> tuple[float, NDArray]:
        """Side and centre (2,) xy px of a window that holds `box` and lies in the image, if it can."""
        side = float(self.window_side)
        size = np.array([shape[1], shape[0]])
        low = np.maximum(box[2:] - side, 0)
        high = np.minimum(box[:2], size - side)
        corner = np.where(low <= high, rng.uniform(np.minimum(low, high), np.maximum(low, high)), low)
        return side, corner + side / 2

    def _inside(self, row: int, centre: NDArray, side: float) -> list[int]:
        """Objects of the image whose boxes lie in the window for 60 % of their area or more."""
        start, stop = self.annotations.first[row], self.annotations.first[row + 1]
        boxes = self.annotations.boxes[start:stop]
        low, high = centre - side / 2, centre + side / 2
        shown = np.clip(np.minimum(boxes[:, 2:], high) - np.maximum(boxes[:, :2], low), 0, None)
        parts = shown.prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        return [int(start + i) for i in np.flatnonzero(parts >= 0.6)]
