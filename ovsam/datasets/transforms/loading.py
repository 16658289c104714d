"""From paths and annotations to arrays."""

import logging
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from ovsam.datasets.pictures import read_entry
from ovsam.ops.masks import decode_segmentations
from ovsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read the picture: see `read_entry`. Uses `img` or `img_bytes` where the data set gave them."""

    reads_files = True  # what `on_error` is about

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set `img`, `ori_shape`, `img_shape` and `scale_factor`."""
        if "img" not in results:
            results["img"] = read_entry(results)
            results.pop("img_bytes", None)
        results["ori_shape"] = results["img_shape"] = results["img"].shape[:2]
        results["scale_factor"] = (1.0, 1.0)
        return results


@TRANSFORMS.register_module()
class LoadInstances(BaseTransform):
    """Decode labels, boxes and masks. An instance whose mask has no pixel is left out.

    That is logged as a warning, once per image and process, with the number so far. What annotation
    files hold of them, `python tools/prepare_data.py coco` (or `lvis`) counts beforehand.
    """

    reads_files = True

    def __init__(self) -> None:
        self._left_out: dict[Any, int] = {}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set `labels`, `bboxes` and `masks`, frame original.

        Raises:
            ValueError: the picture is not as large as its annotations say, or a mask is broken.
        """
        size = results["img"].shape[:2]
        instances = results["instances"]
        if (results["height"], results["width"]) != tuple(size):
            raise ValueError(
                f"image {results['img_path']} has (h, w) = {tuple(size)}, its annotations are for"
                f" {(results['height'], results['width'])}: is it the right file?"
            )
        try:
            masks = decode_segmentations([i["segmentation"] for i in instances], size)
        except ValueError:
            raise ValueError(_first_problem(results, size)) from None
        kept = masks.any(axis=(1, 2))
        labels = np.array([i["label"] for i in instances], np.int64)
        boxes = np.array([i["bbox"] for i in instances], np.float32).reshape(-1, 4)
        if not kept.all():
            labels, boxes, masks = labels[kept], boxes[kept], masks[kept]
            self._report(results, int((~kept).sum()))
        results.update(labels=labels, bboxes=boxes, masks=masks)
        return results

    def _report(self, results: dict[str, Any], number: int) -> None:
        path = results["img_path"]
        if path in self._left_out:
            return
        self._left_out[path] = number
        print_log(
            f"image {path}: {number} of {len(results['instances'])} instances left out, their masks have"
            f" no pixel ({sum(self._left_out.values())} in {len(self._left_out)} images so far)",
            "current",
            logging.WARNING,
        )


def _first_problem(results: dict[str, Any], size: tuple[int, int]) -> str:
    """Which annotation of an image cannot be drawn, and why."""
    problems = [(i, _problem_of(i["segmentation"], size)) for i in results["instances"]]
    instance, problem = next((i, text) for i, text in problems if text)
    place = f"annotation {instance.get('annotation_id')} of image {results['img_path']}"
    return f"{place}: {problem}; mend or remove it in the annotation file"


def _problem_of(segmentation: Any, size: tuple[int, int]) -> str:
    try:
        decode_segmentations([segmentation], size)
    except ValueError as error:
        return str(error)
    return ""
