"""Correlation of dense features with texts, and the classes that are worth computing."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.ops.precision import full_precision


def correlate(features: Tensor, texts: Tensor) -> Tensor:
    """Cosine of every place with every text, without temperature; always in float32.

    A temperature of 100 follows, which would make a rounding of bfloat16 one of 40 %.

    Args:
        features: (B, D, h, w), any length.
        texts: (T, D), any length.

    Returns:
        (B, T, h, w) in -1..1.
    """
    with full_precision(features):
        features, texts = F.normalize(features.float(), dim=1), F.normalize(texts.float(), dim=1)
        return torch.einsum("bdhw,td->bthw", features, texts)


def strongest_classes(correlation: Tensor, max_classes: int) -> Tensor:
    """The classes with the largest maximum over space.

    Source: CAT-Seg's released code.

    Args:
        correlation: (B, T, h, w).
        max_classes: M.

    Returns:
        (B, min(T, M)) int64, ascending.
    """
    scores = correlation.flatten(2).amax(dim=2)  # (B, T, h, w) -> (B, T)
    kept = scores.topk(min(max_classes, scores.shape[1]), dim=1).indices
    return kept.sort(dim=1).values
