"""What mask decoders and promptable segmentors return before post-processing."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class DecoderOutput:
    """Result of a mask decoder for N prompts.

    Attributes:
        mask_logits: (N, M, 4h, 4w), one map per mask token.
        quality: (N, M) estimated IoU of each mask, or None without a quality head.
        label_tokens: (N, C) the label token after the decoder, or None without one.
        label_vectors: (N, D) what the label token says in the text's space, or None where it does not
            classify.
    """

    mask_logits: Tensor
    quality: Tensor | None = None
    label_tokens: Tensor | None = None
    label_vectors: Tensor | None = None


@dataclass(frozen=True)
class RawPrediction:
    """Predictions for N prompts of a batch, before post-processing.

    Attributes:
        mask_logits: (N, h, w) over the padded square.
        class_logits: (N, C + 1) final log-scores, last column background; None for mask-only methods.
        head_logits: (N, C + 1) of the trained head alone (region head or label token), or None.
        clip_logits: (N, C + 1) of CLIP's own vector alone, or None.
    """

    mask_logits: Tensor
    class_logits: Tensor | None = None
    head_logits: Tensor | None = None
    clip_logits: Tensor | None = None
