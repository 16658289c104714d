"""The baselines: SAM's mask, and frozen CLIP on the image crop or the feature crop.

Source: Yuan et al., Open-Vocabulary SAM, section 3.1, figure 2 ("Image-Crop", "Feature-Crop").
"""

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ovsam.models.outputs import ImageFeatures, PromptMasks, RawPrediction
from ovsam.models.segmentors.base import PromptSegmentor
from ovsam.models.segmentors.class_scores import classify
from ovsam.models.segmentors.clip_regions import Regions, RegionVectors
from ovsam.ops.scores import keep_classes
from ovsam.registry import MODELS, passes_options_to
from ovsam.structures.sample import PromptSample


@MODELS.register_module()
@passes_options_to(PromptSegmentor)
class CropBaseline(PromptSegmentor):
    """SAM and CLIP side by side; nothing is trained.

    Args:
        image_encoder: SAM's, (B, 3, S, S) -> (B, C, h, w).
        backbone: CLIP's image encoder with `embed_regions` and `embed_crops`.
        vectors: `clip_regions.ImageCrop` or `clip_regions.FeatureCrop`.
        classifier: (N, D) -> (N, C + 1).
        options: those of `PromptSegmentor`, with SAM's parts; mask token 0 is the answer.
    """

    always_frozen: ClassVar[tuple[str, ...]] = (
        "image_encoder",
        "backbone",
        "prompt_encoder",
        "mask_decoder",
        "classifier",
    )
    image_parts: ClassVar[tuple[str, ...]] = ("data_preprocessor", "image_encoder")
    feature_parts: ClassVar[tuple[str, ...]] = ("backbone",)
    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        "prompt_encoder": ("image_encoder",),
        "mask_decoder": ("image_encoder",),
        "classifier": ("backbone",),
    }

    def __init__(
        self,
        *,
        image_encoder: nn.Module,
        backbone: nn.Module,
        vectors: RegionVectors,
        classifier: nn.Module,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.image_encoder = image_encoder
        self.backbone = backbone
        self.classifier = classifier
        self.vectors = vectors
        self.freeze_parts(*self.always_frozen)

    def embed_images(self, inputs: Tensor) -> tuple[Tensor, list[Tensor] | None]:
        """(B, 3, S, S) -> SAM's embedding (B, C, h, w), and CLIP's maps or None if they are not read."""
        maps = self.clip_maps(inputs) if self.vectors.reads_feature_maps else None
        return self.image_encoder(inputs), maps

    def clip_maps(self, inputs: Tensor) -> list[Tensor]:
        """(B, 3, S, S) -> CLIP's maps."""
        return self.backbone(inputs)

    def region_vectors(self, regions: Regions, embeddings: Tensor) -> Tensor:
        """CLIP's vectors of N regions, (N, D), not normalised; `embeddings` are SAM's (B, C, h, w)."""
        return self.vectors(self.backbone, regions)

    def loss(self, inputs: Tensor, data_samples: list[PromptSample]) -> dict[str, Tensor]:
        """Raise TypeError: there is nothing to train."""
        raise TypeError("crop baselines have nothing to train: run tools/test.py")

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> ImageFeatures:
        """SAM's embedding, and CLIP's maps if `vectors` reads them."""
        return ImageFeatures(inputs, *self.embed_images(inputs))

    @torch.no_grad()
    def completed(self, features: ImageFeatures) -> ImageFeatures:
        """With CLIP's maps if `vectors` reads them."""
        if features.feature_maps is not None or not self.vectors.reads_feature_maps:
            return features
        return replace(features, feature_maps=self.clip_maps(features.inputs))

    @torch.no_grad()
    def name_masks(
        self, features: ImageFeatures, data_samples: list[PromptSample], masks: PromptMasks
    ) -> RawPrediction:
        """Mask logits and class log-scores."""
        regions = Regions.of_masks(features, data_samples, self.data_preprocessor, masks)
        clip_vectors = self.region_vectors(regions, features.embeddings)
        clip_logits = classify(self.classifier, clip_vectors)
        evaluated = self.classifier.vocabulary.evaluated
        return RawPrediction(
            mask_logits=masks.mask_logits,
            class_logits=keep_classes(clip_logits.log_softmax(dim=1), evaluated),
            clip_logits=clip_logits,
            quality=masks.quality,
            region_vectors=clip_vectors,
        )
