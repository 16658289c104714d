"""Steps of label maps: loading, resizing, cutting, colours, packing.

Further keys of `results`: `sem_seg` (h, w) int64, in the frame of `img` in training, frame original in
tests; `visible` (h, w) float32 (see `SemanticSample.gt_visible`) where asked for.

Source: CAT-Seg's recipe, which is that of MaskFormer: short side, window, SSD's colours, flip.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray
from PIL import Image

from ovsam.datasets.label_maps import read_labels
from ovsam.datasets.transforms.packing import META_KEYS, contiguous
from ovsam.interfaces import Size
from ovsam.ops.masks import decode_segmentations, resize_values
from ovsam.registry import TRANSFORMS
from ovsam.structures.semantic_sample import SemanticSample

#: Grey beyond the picture, as in detectron2's mapper of semantic data.
PADDING_VALUE = 128


@TRANSFORMS.register_module()
class LoadSemantic(BaseTransform):
    """Read the label map, check it, and leave out the classes that are not kept."""

    reads_files = True

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set `sem_seg`, and `visible` where the entry has `instances`; frame original.

        Raises:
            FileNotFoundError: no such file.
            ValueError: the file is broken, has too few bits or another size than the image, or a value
                is not in the table.
        """
        spec, path = results["spec"], results["label_path"]
        labels = read_labels(path, spec, results["label_table"])
        size = results["img"].shape[:2]
        if labels.shape != size:
            raise ValueError(
                f"label map {path} has (h, w) = {labels.shape}, its image {results['img_path']}"
                f" {tuple(size)}; {spec.hint}"
            )
        results["sem_seg"] = labels
        if "instances" in results:
            visible = np.full(size, np.nan, np.float32)
            masks = decode_segmentations([i["segmentation"] for i in results["instances"]], size)
            for mask, instance in zip(masks, results["instances"], strict=True):
                visible[mask] = instance["visible_fraction"]
            results["visible"] = visible
        return results


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class ResizeShortSide(BaseTransform):
    """Resize to a short side of `size` px, bilinear with averaging (Pillow), labels nearest.

    Source: detectron2's ResizeShortestEdge, which the published numbers were made with.
    """

    size: int  # of the short side, px
    max_size: int  # limit of the long side, px, which may make the short one smaller
    keep_original_labels: bool = False  # leave labels in the frame original, for metrics

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize image and labels."""
        old = results["img"].shape[:2]
        shape = short_side_shape(old, self.size, self.max_size)
        if shape == tuple(old):
            return results
        picture = Image.fromarray(np.ascontiguousarray(results["img"]))
        size = shape[1], shape[0]
        results["img"] = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
        results["img_shape"] = shape
        previous = results["scale_factor"]
        results["scale_factor"] = (previous[0] * shape[1] / old[1], previous[1] * shape[0] / old[0])
        if not self.keep_original_labels:
            for key in ("sem_seg", "visible"):
                if key in results:
                    results[key] = resize_values(results[key], shape)
        return results


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class RandomWindow(BaseTransform):
    """Cuts a random window of `size` x `size` px; what lies beyond the picture is grey and ignored."""

    size: int

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut image and labels."""
        rng: np.random.Generator = results["rng"]
        height, width = results["img"].shape[:2]
        top = int(rng.integers(max(height - self.size, 0) + 1))
        left = int(rng.integers(max(width - self.size, 0) + 1))
        window = slice(top, top + self.size), slice(left, left + self.size)
        ignored = results["spec"].ignore_index
        results["img"] = _cut(results["img"], window, self.size, PADDING_VALUE)
        results["img_shape"] = results["img"].shape[:2]
        for key, fill in (("sem_seg", ignored), ("visible", np.nan)):
            if key in results:
                results[key] = _cut(results[key], window, self.size, fill)
        return results


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class ColourDistortion(BaseTransform):
    """Changes brightness, contrast, saturation and hue, each with a chance of one half.

    Contrast comes before or after saturation and hue, with the same chance.

    Source: Liu et al., SSD (ECCV 2016), section 3.6 and its data layer.
    """

    brightness: float = 32.0  # largest shift of all channels, of 255
    contrast_range: tuple[float, float] = (0.5, 1.5)  # factor of all channels
    saturation_range: tuple[float, float] = (0.5, 1.5)  # factor
    hue_degrees: float = 36.0  # largest turn (SSD's 18 is in OpenCV's half degrees)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the image only."""
        rng: np.random.Generator = results["rng"]
        image = np.ascontiguousarray(results["img"])
        if rng.random() < 0.5:
            image = _scaled(image, 1.0, rng.uniform(-self.brightness, self.brightness))
        steps = [self._contrast, self._hue_and_saturation]
        for step in steps if rng.random() < 0.5 else reversed(steps):
            image = step(image, rng)
        results["img"] = image
        return results

    def _contrast(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        if rng.random() < 0.5:
            return _scaled(image, rng.uniform(*self.contrast_range), 0.0)
        return image

    def _hue_and_saturation(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray:
        factor = rng.uniform(*self.saturation_range) if rng.random() < 0.5 else 1.0
        turn = rng.uniform(-self.hue_degrees, self.hue_degrees) if rng.random() < 0.5 else 0.0
        if factor == 1.0 and turn == 0.0:
            return image
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)  # hue in half degrees, 0..179
        hsv[..., 0] = (hsv[..., 0].astype(np.int64) + round(turn / 2)) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 255).astype(np.uint8)
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


@TRANSFORMS.register_module()
class PackSemanticInputs(BaseTransform):
    """Makes a `SemanticSample`; with labels only where there are any."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return dict(inputs=(3, h, w) uint8 RGB, data_samples=sample)."""
        meta = {key: results[key] for key in META_KEYS}
        sample = SemanticSample(metainfo={**meta, "ignore_index": results["spec"].ignore_index})
        if "sem_seg" in results:
            sample.gt_sem_seg = contiguous(results["sem_seg"])
        if "visible" in results:
            sample.gt_visible = contiguous(results["visible"])
        image = contiguous(results["img"].transpose(2, 0, 1))  # (h, w, 3) -> (3, h, w)
        return {"inputs": image, "data_samples": sample}


def short_side_shape(shape: Size, size: int, max_size: int) -> Size:
    """(h, w) with the short side at `size` px and the long one at most at `max_size`.

    Each side is int(x + 0.5), as detectron2 rounds.
    """
    scale = size / min(shape)
    if max(shape) * scale > max_size:
        scale = max_size / max(shape)
    return max(int(shape[0] * scale + 0.5), 1), max(int(shape[1] * scale + 0.5), 1)


def _cut(values: NDArray, window: tuple[slice, slice], size: int, fill: float) -> NDArray:
    """The window, filled up to `size` right and below."""
    cut = values[window]
    height, width = cut.shape[:2]
    if (height, width) == (size, size):
        return cut
    full = np.full((size, size, *cut.shape[2:]), fill, cut.dtype)
    full[:height, :width] = cut
    return full


def _scaled(image: NDArray[np.uint8], factor: float, shift: float) -> NDArray[np.uint8]:
    table = np.clip(np.arange(256) * factor + shift, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table)
