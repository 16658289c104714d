"""CAT-Seg: cost aggregation over the correlation of dense CLIP features with class names.

Source: Cho et al., CAT-Seg: Cost Aggregation for Open-Vocabulary Semantic Segmentation (CVPR 2024),
and its released code. Differs in that ignored pixels are left out of the loss by default.
"""

from typing import Any, ClassVar

from torch import Tensor, nn

from ovsam.models.segmentors.semantic_base import DROPPED_LOGIT, SemanticSegmentor
from ovsam.ops.correlation import correlate, strongest_classes
from ovsam.registry import MODELS, passes_options_to


@MODELS.register_module()
@passes_options_to(SemanticSegmentor)
class CatSeg(SemanticSegmentor):
    """Dense CLIP, embedded correlation, aggregation, decoder.

    Args:
        cost_embedding: (B, T, h, w) -> (B, T, h, w, C).
        aggregator: embeddings, image features, text features -> (B, T, h, w, C).
        decoder: embeddings and taps -> (B, T, 4h, 4w).
        max_classes: classes computed for an image. If there are more, those with the largest
            correlation anywhere are, and the others get a constant logit.
        options: those of `SemanticSegmentor`; the backbone needs two taps.
    """

    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        "aggregator": ("backbone",),
        "decoder": ("backbone",),
    }

    def __init__(
        self,
        *,
        cost_embedding: nn.Module,
        aggregator: nn.Module,
        decoder: nn.Module,
        max_classes: int = 256,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.cost_embedding = cost_embedding
        self.aggregator = aggregator
        self.decoder = decoder
        self.max_classes = max_classes

    def class_logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """(B, 3, S, S) normalised and (T, D) of unit length -> (B, T, 4h, 4w)."""
        features = self.backbone(images)
        return self.decode(features.map, features.taps, texts)

    def decode(self, features: Tensor, taps: list[Tensor], texts: Tensor) -> Tensor:
        """(B, D, h, w), taps (B, C_l, h, w) each and (T, D) of unit length -> (B, T, 4h, 4w)."""
        correlation = correlate(features, texts)
        num_classes = correlation.shape[1]
        kept = None
        chosen = texts[None]  # (1, T, D)
        if num_classes > self.max_classes:
            kept = strongest_classes(correlation, self.max_classes)  # (B, M)
            correlation = correlation.gather(
                1, kept[..., None, None].expand(-1, -1, *features.shape[2:])
            )
            chosen = texts[kept]  # (B, M, D)
        embedded = self.cost_embedding(correlation)
        logits = self.decoder(self.aggregator(embedded, features, chosen), taps)
        if kept is None:
            return logits
        size = logits.shape[-2:]
        whole = logits.new_full((len(logits), num_classes, *size), DROPPED_LOGIT)
        return whole.scatter(1, kept[..., None, None].expand(-1, -1, *size), logits)
