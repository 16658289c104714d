"""From a collated list of uint8 images to one normalised, padded batch on the model's device."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.nn import functional as F

from ovsam.registry import MODELS


@MODELS.register_module()
class PromptDataPreprocessor(BaseDataPreprocessor):
    """Normalise, pad right and bottom with zeros to a square, stack; move everything to the device.

    Padding comes after normalisation, so it has the value of the mean colour. Coordinates need no
    change. Data samples are moved, nothing in them is changed.

    Source: Yuan et al., Open-Vocabulary SAM: SAM's normalisation for the CLIP encoder too.

    Args:
        mean: RGB mean, 0..255.
        std: RGB standard deviation, 0..255.
        size: S, side of the network input in px.
    """

    def __init__(
        self,
        *,
        size: int,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """One batch.

        Args:
            data: `inputs`: list of B uint8 (3, h, w) RGB with h, w <= S, or one (B, 3, h, w); every
                other entry (`data_samples`, ...) is moved to the device.
            training: not read; mmengine's signature.

        Returns:
            The same keys; `inputs` is (B, 3, S, S) float32.

        Raises:
            ValueError: an image is larger than S or does not have 3 channels.
        """
        others = {key: self.cast_data(value) for key, value in data.items() if key != "inputs"}
        return {"inputs": self.normalise(data["inputs"]), **others}

    def normalise(self, images: Sequence[Tensor] | Tensor) -> Tensor:
        """B images uint8 (3, h, w) -> (B, 3, S, S) float32, padded right and bottom with zeros."""
        for image in images:
            if image.ndim != 3 or image.shape[0] != 3:
                raise ValueError(f"an image must be (3, h, w) RGB, got {tuple(image.shape)}")
            if max(image.shape[1:]) > self.size:
                raise ValueError(
                    f"an image must fit into {self.size} x {self.size} px, got (h, w) ="
                    f" {tuple(image.shape[1:])}; resize in the data pipeline or raise `size`"
                )
        if len({image.shape for image in images}) == 1:
            stacked = images if isinstance(images, Tensor) else torch.stack(list(images))
            return self._pad((stacked.to(self.mean.device).float() - self.mean) / self.std)
        padded = [
            self._pad((image.to(self.mean.device).float() - self.mean) / self.std) for image in images
        ]
        return torch.stack(padded)  # B x (3, S, S) -> (B, 3, S, S)

    def cast_data(self, data: Any) -> Any:
        """Everything moved to the device; unlike mmengine's, prompts inside data samples too."""
        if isinstance(data, BaseDataElement):
            return _moved(data, self.mean.device)
        if isinstance(data, list) and data and isinstance(data[0], (str, int, float)):
            return data
        return super().cast_data(data)

    def _pad(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        return F.pad(images, (0, self.size - width, 0, self.size - height))


def _moved(sample: BaseDataElement, device: torch.device) -> BaseDataElement:
    """A shallow copy whose fields are on `device`; metainfo and fields without `to` are kept."""
    moved = sample.new()
    for name, value in sample.items():
        if hasattr(value, "to"):
            moved.set_data({name: value.to(device)})
    return moved
