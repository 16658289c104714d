"""Promptable SAM: masks only.

Source: Kirillov et al., Segment Anything. Differs in training: one prompt and one mask per target,
losses 5 BCE + Dice, no iterated clicks; meant for the miniature and for loading released weights.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ovsam.models.outputs import ImageFeatures, PromptMasks, RawPrediction
from ovsam.models.segmentors.base import PromptSegmentor
from ovsam.registry import MODELS, passes_options_to
from ovsam.structures.sample import PromptSample


@MODELS.register_module()
@passes_options_to(PromptSegmentor)
class PromptableSam(PromptSegmentor):
    """SAM over batches of images and prompts; mask token 0 is the answer.

    Args:
        image_encoder: (B, 3, S, S) -> (B, C, h, w).
        mask_loss: see `losses.MaskLoss`; needed in training only.
        frozen: parts that do not train, such as `("image_encoder", "prompt_encoder")`.
        options: those of `PromptSegmentor`.
    """

    image_parts: ClassVar[tuple[str, ...]] = ("data_preprocessor", "image_encoder")
    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        "prompt_encoder": ("image_encoder",),
        "mask_decoder": ("image_encoder",),
    }

    def __init__(
        self,
        *,
        image_encoder: nn.Module,
        mask_loss: nn.Module | None = None,
        frozen: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.image_encoder = image_encoder
        self.mask_loss = mask_loss
        self.freeze_parts(*frozen)

    def loss(self, inputs: Tensor, data_samples: list[PromptSample]) -> dict[str, Tensor]:
        """`loss_mask` and `loss_dice` of the masks of all prompts."""
        prompts = self.batch_prompts(data_samples, inputs.device)
        output = self.decode(self.image_encoder(inputs), prompts, chunk_size=None)
        return self.mask_losses(self.mask_loss, output, data_samples, inputs.shape[-1])

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> ImageFeatures:
        """SAM's embedding."""
        return ImageFeatures(inputs, self.image_encoder(inputs))

    @torch.no_grad()
    def name_masks(
        self, features: ImageFeatures, data_samples: list[PromptSample], masks: PromptMasks
    ) -> RawPrediction:
        """The masks as they are: they have no names."""
        return RawPrediction(masks.mask_logits, quality=masks.quality)
