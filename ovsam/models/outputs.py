"""What encoders, mask decoders and promptable segmentors return before post-processing."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ovsam.structures.prompts import Prompts


@dataclass(frozen=True)
class ImageFeatures:
    """All that prediction needs of B images, so that further prompts run no encoder.

    Attributes:
        inputs: (B, 3, S, S) normalised and padded.
        embeddings: (B, C, h, w), what the mask decoder reads.
        feature_maps: CLIP's coarsest map, [(B, C, h, w)]; None for methods that do not read it.
        pyramid_maps: the region head's maps, finest first, or None without that head.
    """

    inputs: Tensor
    embeddings: Tensor
    feature_maps: Sequence[Tensor] | None = None
    pyramid_maps: Sequence[Tensor] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def image(self, index: int) -> "ImageFeatures":
        """The features of one image of the batch, B = 1, in memory of their own."""
        rows = slice(index, index + 1)
        return ImageFeatures(
            inputs=self.inputs[rows].clone(),
            embeddings=self.embeddings[rows].clone(),
            feature_maps=_rows_of(self.feature_maps, rows),
            pyramid_maps=_rows_of(self.pyramid_maps, rows),
        )


@dataclass(frozen=True)
class DecoderOutput:
    """Result of a mask decoder for N prompts.

    Attributes:
        mask_logits: (N, M, 4h, 4w), one map per mask token.
        quality: (N, M) estimated IoU of each mask, or None without a quality head.
        label_tokens: (N, C) the label token after the decoder, or None without one.
        label_vectors: (N, D) of the label token in the text's space, or None where it does not classify.
    """

    mask_logits: Tensor
    quality: Tensor | None = None
    label_tokens: Tensor | None = None
    label_vectors: Tensor | None = None


@dataclass(frozen=True)
class PromptMasks:
    """K masks that answer prompts, before they are named.

    Attributes:
        mask_logits: (K, h, w) over the padded square.
        prompts: K, the prompt of each mask.
        quality: (K,) expected IoU with the true mask, or None without a quality head.
        label_vectors: (K, D) of each prompt's label token, or None where it does not classify.
    """

    mask_logits: Tensor
    prompts: Prompts
    quality: Tensor | None = None
    label_vectors: Tensor | None = None

    def __len__(self) -> int:
        return len(self.mask_logits)

    def __getitem__(self, rows: Tensor) -> "PromptMasks":
        """The masks at `rows`, (k,) int64 on the masks' device."""
        return PromptMasks(
            mask_logits=self.mask_logits[rows],
            prompts=self.prompts[rows.to(self.prompts.roles.device)],
            quality=None if self.quality is None else self.quality[rows],
            label_vectors=None if self.label_vectors is None else self.label_vectors[rows],
        )


@dataclass(frozen=True)
class RawPrediction:
    """Predictions for N prompts of a batch, before post-processing.

    Attributes:
        mask_logits: (N, h, w) over the padded square. With several masks per prompt, the M masks of a
            prompt are M rows one after the other, and so in all other fields.
        class_logits: (N, C + 1) final log-scores, last column background; None for mask-only methods.
        head_logits: (N, C + 1) of the trained head alone (region head or label token), or None.
        clip_logits: (N, C + 1) of CLIP's own vector alone, or None.
        quality: (N,) expected IoU with the true mask, or None without a quality head.
        region_vectors: (N, D) in the space of the text embeddings, not normalised: of the region head,
            else of CLIP; None for mask-only methods.
    """

    mask_logits: Tensor
    class_logits: Tensor | None = None
    head_logits: Tensor | None = None
    clip_logits: Tensor | None = None
    quality: Tensor | None = None
    region_vectors: Tensor | None = None


def _rows_of(maps: Sequence[Tensor] | None, rows: slice) -> list[Tensor] | None:
    return None if maps is None else [features[rows].clone() for features in maps]
