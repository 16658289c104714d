"""Makes the items of a data set from the results of its pipeline."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from torch import Tensor

from ovsam.registry import TRANSFORMS
from ovsam.structures.sample import PromptSample

META_KEYS = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "sample_seed")


@TRANSFORMS.register_module()
class PackPromptInputs(BaseTransform):
    """Makes a `PromptSample`; with prompts and instances only where there are any.

    Args:
        square: side in px of the padded square that the model reads, a multiple of its strides, where it
            is not the model's own: for small pictures that have image labels only.
    """

    def __init__(self, *, square: int | None = None) -> None:
        super().__init__()
        self.square = square

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return dict(inputs=(3, h, w) uint8 RGB, data_samples=sample)."""
        sample = PromptSample(metainfo={key: results[key] for key in META_KEYS})
        if self.square is not None:
            sample.set_metainfo({"square": self.square})
        if "labels" in results:
            sample.set_metainfo({"supervision": results.get("supervision", "masks")})
            sample.gt_instances = InstanceData(
                labels=torch.from_numpy(results["labels"]),
                bboxes=torch.from_numpy(results["bboxes"]),
            )
            masks = contiguous(results["masks"])
            if "mask_rows" in results:
                sample.gt_instances.mask_rows = torch.from_numpy(results["mask_rows"])
                sample.instance_masks = masks
            else:
                sample.gt_instances.masks = masks
            if "original_masks" in results:
                sample.gt_instances.original_masks = contiguous(results["original_masks"])
        if "detections" in results:
            found = results["detections"]
            sample.detections = InstanceData(
                bboxes=torch.from_numpy(found.boxes),
                labels=torch.from_numpy(found.labels),
                scores=torch.from_numpy(found.scores),
            )
        if "prompts" in results:
            sample.prompts = results["prompts"]
        image = contiguous(results["img"].transpose(2, 0, 1))  # (h, w, 3) -> (3, h, w)
        return {"inputs": image, "data_samples": sample}


def contiguous(array: np.ndarray) -> Tensor:
    """A tensor of an array's values in their order, copied only where they lie otherwise."""
    return torch.from_numpy(np.ascontiguousarray(array))
