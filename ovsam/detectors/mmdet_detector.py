"""Boxes of any mmdet detector, by its config and checkpoint; needs mmcv with compiled operators."""

import contextlib
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ovsam.detectors.base import DetectedBoxes
from ovsam.weights import read_plain_checkpoint


class MmdetDetector:
    """A detector of mmdet; its `class_names` are those of the checkpoint or the config."""

    def __init__(self, *, config: str | Path, weights: str | Path, device: str = "cpu") -> None:
        """Args:
        config: mmdet config file.
        weights: its checkpoint. The config is code and runs: take it from a source that you trust.

        Raises:
            ImportError: mmcv has no compiled operators.
            FileNotFoundError: no such config or checkpoint.
            WeightsError: the checkpoint is broken, or was made to run code.
        """
        for path in (config, weights):
            if not Path(path).is_file():
                raise FileNotFoundError(f"no file {path}; give an mmdet config and its checkpoint")
        self._apis = _apis()
        with tempfile.TemporaryDirectory() as folder:
            # mmdet would run what a pickle asks for, so it gets a copy of tensors, numbers and text.
            copied = Path(folder, "weights.pth")
            torch.save(read_plain_checkpoint(weights), copied)
            self.model: Any = self._apis.init_detector(str(config), str(copied), device=device)
        self.class_names = tuple(self.model.dataset_meta["classes"])

    def __call__(self, image: NDArray[np.uint8]) -> DetectedBoxes:
        """(H, W, 3) uint8 RGB -> boxes, best first; limits are the mmdet config's `test_cfg`."""
        blue_first = np.ascontiguousarray(image[:, :, ::-1])  # mmdet takes arrays as OpenCV reads them
        found = self._apis.inference_detector(self.model, blue_first).pred_instances
        order = found.scores.argsort(descending=True, stable=True)
        return DetectedBoxes(
            boxes=found.bboxes[order].float().cpu().numpy(),
            scores=found.scores[order].float().cpu().numpy(),
            classes=found.labels[order].cpu().numpy(),
        )


def _apis() -> Any:
    if importlib.util.find_spec("mmcv._ext") is None:
        raise ImportError(
            "mmdet's detectors need mmcv with compiled operators, and this mmcv has none (mmcv._ext);"
            " make the result file in an environment that has them, or take a detector of torchvision"
        )
    with contextlib.redirect_stdout(sys.stderr):  # the import prints
        from mmdet import apis  # not on top: it prints, and fails without compiled operators
    return apis
