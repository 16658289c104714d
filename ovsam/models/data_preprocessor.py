"""From collated uint8 images to normalised ones on the model's device, padded to one square batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.nn import functional as F

from ovsam.registry import MODELS


class ImageNormaliser(BaseDataPreprocessor):
    """Normalises images with a mean and standard deviation of RGB, 0..255; moves all to the device."""

    def __init__(self, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the buffers are, however they got there."""
        return self.mean.device

    def normalised(self, images: Tensor) -> Tensor:
        """(..., 3, h, w) RGB in 0..255 of any type -> float32 of the same shape."""
        return (self.moved(images).float() - self.mean) / self.std

    def moved(self, images: Tensor) -> Tensor:
        """Images on the device; the host does not wait for the copy of pinned ones."""
        # From a GPU the host has to wait: it would read memory that is not filled yet.
        return images.to(self.device, non_blocking=not images.is_cuda)

    def others(self, data: dict[str, Any]) -> dict[str, Any]:
        """All of a batch but its images, on the device."""
        return {key: self.cast_data(value) for key, value in data.items() if key != "inputs"}


def check_rgb(image: Tensor) -> None:
    """Raise ValueError unless `image` is (3, h, w)."""
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"an image must be (3, h, w) RGB, got {tuple(image.shape)}")


@MODELS.register_module()
class PromptDataPreprocessor(ImageNormaliser):
    """Normalise, pad right and bottom with zeros to a square, stack.

    Padding comes after normalisation, so it has the mean colour. Coordinates need no change.

    Source: Yuan et al., Open-Vocabulary SAM: SAM's normalisation for the CLIP encoder too.

    Args:
        size: S, side of the network input in px; a batch of samples with another `square` has that one.
        mean, std: RGB mean and standard deviation, 0..255.
    """

    def __init__(
        self,
        *,
        size: int,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__(mean=mean, std=std)
        self.size = size

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """The same keys: `inputs` as `normalise` makes them, all others on the device."""
        size = self._common_square(data.get("data_samples") or ())
        return {"inputs": self.normalise(data["inputs"], size), **self.others(data)}

    def normalise(self, images: Sequence[Tensor] | Tensor, size: int | None = None) -> Tensor:
        """B images uint8 (3, h, w) RGB, one size or several, h and w up to S -> (B, 3, S, S) float32.

        S is the model's if no `size` is given.
        """
        size = size or self.size
        for image in images:
            check_rgb(image)
            if max(image.shape[1:]) > size:
                raise ValueError(
                    f"an image must fit into {size} x {size} px, got (h, w) ="
                    f" {tuple(image.shape[1:])}; resize in the data pipeline or raise `size`"
                )
        if len({image.shape for image in images}) == 1:
            if not isinstance(images, Tensor):
                images = torch.stack([self.moved(image) for image in images])
            return _padded(self.normalised(images), size)
        return torch.stack([_padded(self.normalised(image), size) for image in images])

    def _common_square(self, data_samples: Any) -> int:
        groups = data_samples.values() if isinstance(data_samples, Mapping) else [data_samples]
        own = {sample.get("square", self.size) for samples in groups for sample in samples}
        if len(own) > 1:
            raise ValueError(f"samples of one batch must have one square, got {sorted(own)} px")
        return own.pop() if own else self.size


def _padded(images: Tensor, size: int) -> Tensor:
    height, width = images.shape[-2:]
    return F.pad(images, (0, size - width, 0, size - height))
