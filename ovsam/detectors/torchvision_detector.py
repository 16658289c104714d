"""Boxes of torchvision's detectors, by name, with their released COCO weights or those of a file."""

import inspect
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models import detection, get_model, get_model_weights, list_models
from torchvision.transforms.v2.functional import to_dtype

from ovsam.detectors.base import DetectedBoxes
from ovsam.weights import read_tensors


class TorchvisionDetector:
    """One of `torchvision.models.detection`; its `class_names` go by COCO's numbers, 0 is background."""

    def __init__(
        self, *, name: str, weights: str | Path | None = None, device: str | torch.device = "cpu"
    ) -> None:
        """Args:
        name: such as `maskrcnn_resnet50_fpn_v2`.
        weights: state-dict file; None = the released ones, downloaded once into torch's cache and
            checked by their sha256; `none` = random, to try the code.

        Raises:
            ValueError: unknown name, or weights that do not fit.
            OSError: the weights cannot be downloaded, or their file is missing.
            WeightsError: the file is broken, or was made to run code.
        """
        known = list_models(module=detection)
        if name not in known:
            raise ValueError(f"torchvision has no detector {name!r}; known: {', '.join(known)}")
        released = get_model_weights(name).DEFAULT
        self.class_names = tuple(released.meta["categories"])
        self.device = torch.device(device)
        accepted = inspect.signature(getattr(detection, name)).parameters
        options = {"weights_backbone": None} if "weights_backbone" in accepted else {}
        self.model = get_model(name, weights=None, num_classes=len(self.class_names), **options)
        if weights != "none":
            state = _read(weights) if weights is not None else _download(released.url)
            try:
                self.model.load_state_dict(state)
            except RuntimeError as error:
                raise ValueError(
                    f"weights {weights} are not those of torchvision's {name}: {error}"
                ) from None
        self.model.eval().to(self.device)

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8]) -> DetectedBoxes:
        """(H, W, 3) uint8 RGB -> boxes, best first; torchvision's own limits (score 0.05, 100 boxes)."""
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))  # -> (3, H, W)
        [found] = self.model([to_dtype(pixels.to(self.device), torch.float32, scale=True)])
        order = found["scores"].argsort(descending=True, stable=True)
        return DetectedBoxes(
            boxes=found["boxes"][order].float().cpu().numpy(),
            scores=found["scores"][order].float().cpu().numpy(),
            classes=found["labels"][order].cpu().numpy(),
        )


def _read(path: str | Path) -> dict[str, torch.Tensor]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights file {path}")
    return read_tensors(path)


def _download(url: str) -> dict[str, torch.Tensor]:
    try:
        return torch.hub.load_state_dict_from_url(
            url, map_location="cpu", check_hash=True, weights_only=True
        )
    except URLError as error:
        raise OSError(
            f"cannot download {url} ({error.reason}); fetch it elsewhere and pass --weights FILE"
        ) from None
