"""Images of a semantic segmentor: normalised, stacked where all have one size."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ovsam.models.backbones.clip_specs import OPENAI_MEAN, OPENAI_STD
from ovsam.models.data_preprocessor import ImageNormaliser, check_rgb
from ovsam.registry import MODELS


@MODELS.register_module()
class SemanticDataPreprocessor(ImageNormaliser):
    """Normalise, stack. Nothing is padded: crops have one size, test images are split into views.

    Args:
        mean, std: RGB mean and standard deviation, 0..255; CLIP's by default.
    """

    def __init__(
        self, *, mean: Sequence[float] = OPENAI_MEAN, std: Sequence[float] = OPENAI_STD
    ) -> None:
        super().__init__(mean=mean, std=std)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """The same keys, on the device: `inputs`, B uint8 or float (3, h, w) RGB in 0..255, normalised.

        They become (B, 3, h, w) float32, or a list where sizes differ, which training refuses.
        """
        images = [self.normalise(image) for image in data["inputs"]]
        sizes = sorted({tuple(image.shape[1:]) for image in images})
        if training and len(sizes) > 1:
            raise ValueError(f"training images must have one size, got {sizes[:5]}: crop them")
        inputs = torch.stack(images) if len(sizes) == 1 else images
        return {"inputs": inputs, **self.others(data)}

    def normalise(self, image: Tensor) -> Tensor:
        """(3, h, w) RGB in 0..255 -> (3, h, w) float32; raises ValueError for other shapes."""
        check_rgb(image)
        return self.normalised(image)
