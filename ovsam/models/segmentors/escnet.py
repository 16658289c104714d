"""ESC-Net: dense CLIP whose correlation with class names asks SAM's decoder.

Source: Lee et al., Effective SAM Combination for Open-Vocabulary Semantic Segmentation (CVPR 2025).
There is no official code; what the paper leaves open is decided as `configs/escnet/README.md` lists.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ovsam.models.segmentors.semantic_base import TEMPLATE, SemanticSegmentor
from ovsam.ops.correlation import correlate
from ovsam.ops.windows import Views
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary


@MODELS.register_module()
class EscNet(SemanticSegmentor):
    """Dense CLIP, blocks of pseudo prompts, SAM and fusion, decoder.

    Args:
        backbone: dense encoder of images and texts with two taps.
        refiner: correlation, image features, text features -> embedding (B, T, h, w, C).
        decoder: embedding and taps -> (B, T, 4h, 4w).
        vocabulary: T classes.
        loss: needed in training only.
        data_preprocessor: collated batch to normalised images.
        views: how an image is shown at test.
        template: sentence with one `{}`.
        view_batch: views computed at once.
        class_chunk: classes whose maps are enlarged at once.
        image_classes: see `SemanticSegmentor`.
    """

    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        "refiner": ("backbone",),
        "decoder": ("backbone",),
    }

    def __init__(
        self,
        *,
        backbone: nn.Module,
        refiner: nn.Module,
        decoder: nn.Module,
        vocabulary: Vocabulary,
        loss: nn.Module | None = None,
        data_preprocessor: nn.Module | None = None,
        views: Views | None = None,
        template: str = TEMPLATE,
        view_batch: int = 1,
        class_chunk: int = 32,
        image_classes: int = 0,
    ) -> None:
        super().__init__(
            backbone=backbone,
            vocabulary=vocabulary,
            loss=loss,
            data_preprocessor=data_preprocessor,
            views=views,
            template=template,
            view_batch=view_batch,
            class_chunk=class_chunk,
            image_classes=image_classes,
        )
        self.refiner = refiner
        self.decoder = decoder

    def class_logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """(B, 3, S, S) normalised and (T, D) of unit length -> (B, T, 4h, 4w)."""
        features = self.backbone(images)
        correlation = correlate(features.map, texts)
        return self.decoder(self.refiner(correlation, features.map, texts), features.taps)

    @torch.no_grad()
    def pseudo_prompts(self, image: Tensor, label: int) -> tuple[Any, Tensor] | None:
        """What the last block asks SAM about one class, for people to look at.

        Args:
            image: (3, H, W) normalised, shown as a whole.
            label: of the class.

        Returns:
            Its K regions (`PseudoPrompts` with N = 1), and the correlation (h, w) that they were made
            from; None of a model without SAM blocks.
        """
        if self.refiner.prompts is None:
            return None
        texts = self.text_features()
        if 0 < self.image_classes < len(texts):  # classes are weighed against each other
            kept = self.strongest(image[None], texts, self.image_classes)
            kept = kept[kept != label]
            texts, label = torch.cat([texts[label][None], texts[kept]]), 0
        features = self.backbone(image[None])
        asked = self.refiner.asked(correlate(features.map, texts), features.map, texts)
        correlation = asked[-1][:, label]  # (1, h, w)
        return self.refiner.generator(correlation), correlation[0]
