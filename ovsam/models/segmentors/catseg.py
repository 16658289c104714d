"""CAT-Seg: cost aggregation over the correlation of dense CLIP features with class names.

Source: Cho et al., CAT-Seg: Cost Aggregation for Open-Vocabulary Semantic Segmentation (CVPR 2024),
and its released code. Differs in that ignored pixels are left out of the loss by default.
"""

from typing import ClassVar

from torch import Tensor, nn

from ovsam.models.segmentors.semantic_base import DROPPED_LOGIT, TEMPLATE, SemanticSegmentor
from ovsam.ops.correlation import correlate, strongest_classes
from ovsam.ops.windows import Views
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary


@MODELS.register_module()
class CatSeg(SemanticSegmentor):
    """Dense CLIP, embedded correlation, aggregation, decoder.

    Args:
        backbone: dense encoder of images and texts with two taps.
        cost_embedding: (B, T, h, w) -> (B, T, h, w, C).
        aggregator: embeddings, image features, text features -> (B, T, h, w, C).
        decoder: embeddings and taps -> (B, T, 4h, 4w).
        vocabulary: T classes.
        loss: needed in training only.
        data_preprocessor: collated batch to normalised images.
        max_classes: classes that are computed for an image; with more, those with the largest
            correlation anywhere, and the others get a constant logit.
        views: how an image is shown at test.
        template: sentence with one `{}`.
        view_batch: views computed at once.
        class_chunk: classes whose maps are enlarged at once.
        image_classes: see `SemanticSegmentor`.
    """

    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        "aggregator": ("backbone",),
        "decoder": ("backbone",),
    }

    def __init__(
        self,
        *,
        backbone: nn.Module,
        cost_embedding: nn.Module,
        aggregator: nn.Module,
        decoder: nn.Module,
        vocabulary: Vocabulary,
        loss: nn.Module | None = None,
        data_preprocessor: nn.Module | None = None,
        max_classes: int = 256,
        views: Views | None = None,
        template: str = TEMPLATE,
        view_batch: int = 5,
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
        self.cost_embedding = cost_embedding
        self.aggregator = aggregator
        self.decoder = decoder
        self.max_classes = max_classes

    def class_logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """(B, 3, S, S) normalised and (T, D) of unit length -> (B, T, 4h, 4w)."""
        features = self.backbone(images)
        return self.decode(features.map, features.taps, texts)

    def decode(self, features: Tensor, taps: list[Tensor], texts: Tensor) -> Tensor:
        """Logits from what the backbone found.

        Args:
            features: (B, D, h, w), not normalised.
            taps: (B, C_l, h, w) each.
            texts: (T, D), unit length.

        Returns:
            (B, T, 4h, 4w).
        """
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
