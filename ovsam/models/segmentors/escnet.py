"""ESC-Net: dense CLIP whose correlation with class names asks SAM's decoder.

Source: Lee et al., Effective SAM Combination for Open-Vocabulary Semantic Segmentation (CVPR 2025).
There is no official code; what the paper leaves open is decided as `configs/escnet/README.md` lists.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ovsam.models.segmentors.semantic_base import SemanticSegmentor
from ovsam.ops.correlation import correlate
from ovsam.registry import MODELS, passes_options_to


@MODELS.register_module()
@passes_options_to(SemanticSegmentor)
class EscNet(SemanticSegmentor):
    """Dense CLIP, blocks of pseudo prompts, SAM and fusion, decoder.

    Args:
        refiner: correlation, image features, text features -> embedding (B, T, h, w, C).
        decoder: embedding and taps -> (B, T, 4h, 4w).
        view_batch: views computed at once.
        options: those of `SemanticSegmentor`; the backbone needs two taps.
    """

    wiring: ClassVar[dict[str, tuple[str, ...]]] = {"refiner": ("backbone",), "decoder": ("backbone",)}

    def __init__(
        self, *, refiner: nn.Module, decoder: nn.Module, view_batch: int = 1, **options: Any
    ) -> None:
        super().__init__(view_batch=view_batch, **options)
        self.refiner = refiner
        self.decoder = decoder

    def class_logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """(B, 3, S, S) normalised and (T, D) of unit length -> (B, T, 4h, 4w)."""
        features = self.backbone(images)
        correlation = correlate(features.map, texts)
        return self.decoder(self.refiner(correlation, features.map, texts), features.taps)

    @torch.no_grad()
    def pseudo_prompts(self, image: Tensor, label: int) -> tuple[Any, Tensor] | None:
        """What the last block asks SAM about one class of an image (3, H, W), normalised and whole.

        The K regions of the class (`PseudoPrompts` with N = 1), and the correlation (h, w) that they
        were made from. None if the model has no SAM blocks.
        """
        if self.refiner.prompts is None:
            return None
        texts = self.text_features()
        if 0 < self.image_classes < len(texts):  # classes are weighed against each other
            kept = self.strongest(image[None], texts, self.image_classes)
            kept = kept[kept != label]
            texts, label = torch.cat([texts[label][None], texts[kept]]), 0
        features = self.backbone(image[None])
        _, asked = self.refiner.refine(correlate(features.map, texts), features.map, texts)
        correlation = asked[-1][:, label]  # (1, h, w)
        return self.refiner.generator(correlation), correlation[0]
