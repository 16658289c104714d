"""What encoders, mask decoders and promptable segmentors return before post-processing."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ovsam.ops.lazy_maps import LazyMaps
from ovsam.structures.prompts import Prompts


@dataclass(frozen=True)
class ImageFeatures:
    """All that prediction needs of B images: further prompts on them run no encoder."""

    inputs: Tensor  # (B, 3, S, S) normalised and padded
    embeddings: Tensor  # (B, C, h, w), what the mask decoder reads
    feature_maps: Sequence[Tensor] | None = None  # CLIP's coarsest, [(B, C, h, w)], if it is read
    # Of the region head if there is one, finest first; `LazyMaps` on a CPU.
    pyramid_maps: Sequence[Tensor] | None = None

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
    """Result of a mask decoder for N prompts; None for heads that it does not have."""

    mask_logits: Tensor  # (N, M, 4h, 4w), one map per mask token
    quality: Tensor | None = None  # (N, M) expected IoU of each mask
    label_tokens: Tensor | None = None  # (N, C) the label token after the decoder
    label_vectors: Tensor | None = None  # (N, D) of a label token that classifies, in the text's space

    def __getitem__(self, rows: Tensor) -> "DecoderOutput":
        """The prompts at `rows`, (N,) bool or (n,) int64 on the output's device."""
        return DecoderOutput(
            mask_logits=self.mask_logits[rows],
            quality=None if self.quality is None else self.quality[rows],
            label_tokens=None if self.label_tokens is None else self.label_tokens[rows],
            label_vectors=None if self.label_vectors is None else self.label_vectors[rows],
        )


@dataclass(frozen=True)
class PromptMasks:
    """K masks that answer prompts, before they are named."""

    mask_logits: Tensor  # (K, h, w) over the padded square
    prompts: Prompts  # K, the prompt of each mask
    quality: Tensor | None = None  # (K,) expected IoU with the true mask, of a quality head
    label_vectors: Tensor | None = None  # (K, D) of each prompt's label token, if it classifies

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
    """Predictions for the prompts of a batch, before post-processing.

    With several masks per prompt, the M masks of a prompt are M of the N rows, one after the other.
    Methods that only segment have masks and quality.
    """

    mask_logits: Tensor  # (N, h, w) over the padded square
    class_logits: Tensor | None = None  # (N, C + 1) final log-scores, last column background
    head_logits: Tensor | None = None  # (N, C + 1) of the region head or label token alone
    clip_logits: Tensor | None = None  # (N, C + 1) of CLIP's own vector alone
    quality: Tensor | None = None  # (N,) expected IoU with the true mask, of a quality head
    region_vectors: Tensor | None = None  # (N, D), not normalised: of the head, without one of CLIP


def _rows_of(maps: Sequence[Tensor] | None, rows: slice) -> Sequence[Tensor] | None:
    if isinstance(maps, LazyMaps):
        return maps.rows(rows)
    return None if maps is None else [features[rows].clone() for features in maps]
