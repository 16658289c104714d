"""Correlation of dense features with texts, and the classes that are worth computing."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.ops.precision import full_precision


def correlate(features: Tensor, texts: Tensor) -> Tensor:
    """Cosines in float32: features (B, D, h, w) and texts (T, D) of any length -> (B, T, h, w) in -1..1.

    A temperature of 100 follows, which would turn the rounding of bfloat16 into an error of 40 %.
    """
    with full_precision(features):
        features, texts = F.normalize(features.float(), dim=1), F.normalize(texts.float(), dim=1)
        return torch.einsum("bdhw,td->bthw", features, texts)


def strongest_classes(correlation: Tensor, max_classes: int) -> Tensor:
    """Classes with the largest maximum over space: (B, T, h, w) -> (B, min(T, M)) int64, ascending.

    Source: CAT-Seg's released code.
    """
    scores = correlation.flatten(2).amax(dim=2)  # (B, T, h, w) -> (B, T)
    kept = scores.topk(min(max_classes, scores.shape[1]), dim=1).indices
    return kept.sort(dim=1).values
