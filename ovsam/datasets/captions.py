"""Crops of annotated images with captions: what a small CLIP is trained on and judged by."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ovsam.ops.image_crops import Aspect, crop_bounds, crop_images
from ovsam.registry import DATASETS

BORDER = (124, 116, 104)  # RGB beyond the image: the mean colour, 0 after normalisation


@dataclass(frozen=True)
class BoxAnnotations:
    """All objects of a data set, grouped by image.

    Attributes:
        boxes: (n, 4) float32 xyxy px.
        category_ids: (n,) int64.
        image_rows: (n,) int64, row of the image.
        first: (images + 1,) int64; the objects of image i are rows first[i] to first[i + 1].
    """

    boxes: NDArray[np.float32]
    category_ids: NDArray[np.int64]
    image_rows: NDArray[np.int64]
    first: NDArray[np.int64]


class _Boxes(Dataset):
    """Images in memory with their boxes; one item per box."""

    def __init__(self, *, annotation_file: str, image_folder: str) -> None:
        path = Path(annotation_file)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: run tools/prepare_data.py shapes")
        content = json.loads(path.read_text(encoding="utf-8"))
        self.names = {category["id"]: category["name"] for category in content["categories"]}
        self.images = [_read(Path(image_folder) / image["file_name"]) for image in content["images"]]
        self.annotations = _group(content)

    def __len__(self) -> int:
        return len(self.annotations.boxes)

    @property
    def metainfo(self) -> dict[str, Any]:
        """What metrics and checkpoints are told: the names by category id."""
        return dict(category_names=self.names)


@DATASETS.register_module()
class BoxCropDataset(_Boxes):
    """The crop of every annotated box, without any randomness: for zero-shot evaluation.

    An item is dict(inputs=(3, s, s) uint8 RGB, category_ids=int).

    Args:
        annotation_file: COCO JSON.
        image_folder: folder of the images it names.
        crop_size: s, px.
        margin: added on every side of the box, as a share of its side.
        aspect: how the crop becomes square, see `ops.image_crops.Aspect`.

    Raises:
        FileNotFoundError: no such annotation file or image.
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
class CaptionCropDataset(_Boxes):
    """Random crops with captions: one object with more or less of its surroundings, or a window.

    An item is dict(inputs=(3, s, s) uint8 RGB, captions=sentence, names=frozenset of those in it).
    A part of the items (`window_fraction`) are windows of `window_side` px of the image around an
    object, captioned with every object that lies in it for the most part; the others, and windows that
    are too small for any object, show one object in a square of `context_range` times its longer side.
    All are flipped, turned and shifted a little and change in brightness and contrast.

    Args:
        annotation_file: COCO JSON.
        image_folder: folder of the images it names.
        templates: sentences with one `{}` each, one is drawn per item.
        crop_size: s, px.
        context_range: side of a square over the longer side of its object, least and most.
        window_fraction: part of the items that are windows.
        window_side: px of the image that a window shows; left out: s, the image's own scale.
        max_angle: largest turn, degrees.
        seed: of all randomness, together with epoch and index.

    Raises:
        FileNotFoundError: no such annotation file or image.
    """

    def __init__(
        self,
        *,
        annotation_file: str,
        image_folder: str,
        templates: Sequence[str],
        crop_size: int,
        context_range: tuple[float, float] = (1.0, 1.6),
        window_fraction: float = 0.2,
        window_side: int | None = None,
        max_angle: float = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__(annotation_file=annotation_file, image_folder=image_folder)
        self.crop_size = crop_size
        self.templates = tuple(templates)
        self.context_range = tuple(context_range)
        self.window_fraction = window_fraction
        self.window_side = window_side or crop_size
        self.max_angle = max_angle
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """All randomness of an item comes from seed, epoch and index."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = np.random.Generator(np.random.PCG64([self.seed, self.epoch, index]))
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
            inputs=_relight(rng, warp(self.images[row], matrix, self.crop_size)),
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


@DATASETS.register_module()
class BoxedPictureDataset(_Boxes):
    """Whole pictures with their boxes and the name of what is in each, for contrast of regions.

    An item is dict(inputs=(3, h, w) uint8 RGB, boxes=(n, 4) float32 xyxy px, category_ids=(n,) int64);
    pictures without boxes are left out.

    Args:
        annotation_file: COCO JSON.
        image_folder: folder of the images it names.
        is_augmented: flip by chance, and change brightness and contrast.
        seed: of all randomness, together with epoch and index.

    Raises:
        FileNotFoundError: no such annotation file or image.
    """

    def __init__(
        self, *, annotation_file: str, image_folder: str, is_augmented: bool = False, seed: int = 0
    ) -> None:
        super().__init__(annotation_file=annotation_file, image_folder=image_folder)
        self.is_augmented = is_augmented
        self.seed = seed
        self.epoch = 0
        self.rows = np.flatnonzero(np.diff(self.annotations.first))

    def __len__(self) -> int:
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        """All randomness of an item comes from seed, epoch and index."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        image = torch.from_numpy(self.images[row]).permute(2, 0, 1)  # (h, w, 3) -> (3, h, w)
        objects = slice(*self.annotations.first[row : row + 2])
        boxes = torch.from_numpy(self.annotations.boxes[objects]).clone()
        if self.is_augmented:
            rng = np.random.Generator(np.random.PCG64([self.seed, self.epoch, index]))
            if rng.random() < 0.5:
                image = image.flip(2)
                boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
            image = _relight(rng, image)
        return dict(
            inputs=image.contiguous(),
            boxes=boxes,
            category_ids=torch.from_numpy(self.annotations.category_ids[objects]).clone(),
        )


def crop_matrix(
    centre: Sequence[float], sides: tuple[float, float], crop_size: int, angle: float = 0.0
) -> NDArray[np.float64]:
    """Affine map (2, 3) from pixel indices of a crop to pixel indices of the image.

    Args:
        centre: xy px of the crop's centre in the image, pixel i covering [i, i + 1).
        sides: px of the image that the crop is wide and high; a negative one mirrors.
        crop_size: side of the crop, px.
        angle: radians, clockwise.
    """
    scale_x, scale_y = sides[0] / crop_size, sides[1] / crop_size
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos * scale_x, -sin * scale_y], [sin * scale_x, cos * scale_y]])
    # Pixel index i is the point i + 0.5, in the crop and in the image.
    offset = np.asarray(centre, np.float64) - 0.5 - linear @ np.full(2, (crop_size - 1) / 2)
    return np.column_stack([linear, offset])


def warp(image: NDArray[np.uint8], matrix: NDArray[np.float64], crop_size: int) -> torch.Tensor:
    """(H, W, 3) uint8 -> (3, crop_size, crop_size) uint8, bilinear; mean colour beyond the image."""
    crop = cv2.warpAffine(
        image,
        matrix,
        (crop_size, crop_size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=BORDER,
    )
    return torch.from_numpy(crop).permute(2, 0, 1)  # (h, w, 3) -> (3, h, w)


def _relight(rng: np.random.Generator, crop: torch.Tensor) -> torch.Tensor:
    """Contrast x 0.85..1.15 and brightness +-12, the same for all channels; uint8 in and out."""
    contrast, brightness = rng.uniform(0.85, 1.15), rng.uniform(-12, 12)
    table = np.clip(np.arange(256) * contrast + brightness, 0, 255).astype(np.uint8)
    return torch.from_numpy(cv2.LUT(crop.permute(1, 2, 0).numpy(), table)).permute(2, 0, 1)


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(
            f"{path} does not exist or is no image: run tools/prepare_data.py shapes"
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _group(content: dict[str, Any]) -> BoxAnnotations:
    rows = {image["id"]: row for row, image in enumerate(content["images"])}
    annotations = sorted(
        (a for a in content["annotations"] if not a.get("iscrowd") and min(a["bbox"][2:]) > 0),
        key=lambda a: (rows[a["image_id"]], a["id"]),
    )
    boxes = np.array([a["bbox"] for a in annotations], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]  # xywh -> xyxy
    image_rows = np.array([rows[a["image_id"]] for a in annotations], np.int64)
    return BoxAnnotations(
        boxes=boxes,
        category_ids=np.array([a["category_id"] for a in annotations], np.int64),
        image_rows=image_rows,
        first=np.searchsorted(image_rows, np.arange(len(rows) + 1)),
    )
