"""From the results of a pipeline to a data-set item of the contract."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from torch import Tensor

from ovsam.datasets.detections import Detections
from ovsam.registry import TRANSFORMS
from ovsam.structures.sample import PromptSample

META_KEYS = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "sample_seed")


@TRANSFORMS.register_module()
class PackPromptInputs(BaseTransform):
    """Make `dict(inputs=..., data_samples=...)`; prompts and instances only where there are any."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack.

        Returns:
            `inputs`: uint8 (3, h, w) RGB; `data_samples`: PromptSample.
        """
        sample = PromptSample(metainfo={key: results[key] for key in META_KEYS})
        if "labels" in results:
            sample.gt_instances = _pack_instances(results)
        if "detections" in results:
            sample.detections = _pack_detections(results["detections"])
        if "prompts" in results:
            sample.prompts = results["prompts"]
        image = _contiguous(results["img"].transpose(2, 0, 1))  # (h, w, 3) -> (3, h, w)
        return {"inputs": image, "data_samples": sample}


def _pack_instances(results: dict[str, Any]) -> InstanceData:
    instances = InstanceData()
    instances.labels = torch.from_numpy(results["labels"])
    instances.bboxes = torch.from_numpy(results["bboxes"])
    instances.masks = _contiguous(results["masks"])
    if "original_masks" in results:
        instances.original_masks = _contiguous(results["original_masks"])
    return instances


def _pack_detections(detections: Detections) -> InstanceData:
    return InstanceData(
        bboxes=torch.from_numpy(detections.boxes),
        labels=torch.from_numpy(detections.labels),
        scores=torch.from_numpy(detections.scores),
    )


def _contiguous(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
