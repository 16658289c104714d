"""Images of a semantic segmentor: normalised, stacked where all have one size."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from ovsam.models.backbones.clip_specs import OPENAI_MEAN, OPENAI_STD
from ovsam.registry import MODELS


@MODELS.register_module()
class SemanticDataPreprocessor(BaseDataPreprocessor):
    """Normalise; everything to the device. There is no padding: crops have one size, and at test every
    image is taken apart into views of its own.

    Args:
        mean: RGB mean, 0..255; CLIP's by default.
        std: RGB standard deviation, 0..255.
    """

    def __init__(
        self, *, mean: Sequence[float] = OPENAI_MEAN, std: Sequence[float] = OPENAI_STD
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """One batch.

        Args:
            data: `inputs`: B uint8 or float (3, h, w) RGB in 0..255, or one (B, 3, h, w); every other
                entry is moved to the device.
            training: images must have one size then.

        Returns:
            The same keys; `inputs` is (B, 3, h, w) float32, or a list where sizes differ.

        Raises:
            ValueError: an image without 3 channels, or training images of different sizes.
        """
        others = {key: self.cast_data(value) for key, value in data.items() if key != "inputs"}
        images = [self.normalise(image) for image in data["inputs"]]
        sizes = sorted({tuple(image.shape[1:]) for image in images})
        if len(sizes) == 1:
            return {"inputs": torch.stack(images), **others}
        if training:
            raise ValueError(f"training images must have one size, got {sizes[:5]}: crop them")
        return {"inputs": images, **others}

    def normalise(self, image: Tensor) -> Tensor:
        """(3, h, w) RGB in 0..255 -> (3, h, w) float32.

        Raises:
            ValueError: another number of channels.
        """
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(f"an image must be (3, h, w) RGB, got {tuple(image.shape)}")
        return (image.to(self.mean.device).float() - self.mean) / self.std
