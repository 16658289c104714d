"""The loss of semantic segmentation over all pixels and classes of a batch."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.losses import mean_over_processes
from ovsam.ops.windows import resize
from ovsam.registry import MODELS

IGNORED = -1  # label of a pixel without a known class


@MODELS.register_module()
class SemanticLoss(nn.Module):
    """Logits enlarged to the labels, against one-hot targets (binary) or one class (softmax).

    Source: CAT-Seg's released code (binary, ignored pixels as negatives of every class).

    Args:
        kind: `binary` = binary cross-entropy per class, `softmax` = cross-entropy over the classes.
        ignored: what pixels without a known class are: `masked` = left out; `negative` = negatives of
            every class that count in the mean, as in CAT-Seg (`binary` only).
        weight: factor of the loss.

    Raises:
        ValueError: an unknown word, or negatives in a softmax.
    """

    def __init__(
        self,
        *,
        kind: Literal["binary", "softmax"] = "binary",
        ignored: Literal["masked", "negative"] = "masked",
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if kind not in ("binary", "softmax") or ignored not in ("masked", "negative"):
            raise ValueError(
                "kind must be 'binary' or 'softmax' and ignored 'masked' or 'negative',"
                f" got {kind!r} and {ignored!r}"
            )
        if kind == "softmax" and ignored == "negative":
            raise ValueError("a softmax has no negatives of every class: ignored must be 'masked'")
        self.kind = kind
        self.ignored = ignored
        self.weight = weight

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(B, T, h, w) and (B, H, W) int64 in 0..T - 1 or -1 -> () float32; 0 without a known pixel."""
        num_classes = logits.shape[1]
        if int(labels.max()) >= num_classes:
            raise ValueError(f"labels must be below {num_classes}, got {int(labels.max())}")
        logits = resize(logits.float(), labels.shape[-2:])
        known = labels != IGNORED
        if self.kind == "softmax":
            summed = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
            return self.weight * summed / mean_over_processes(known.sum(), logits)
        targets = F.one_hot(labels.clamp(min=0), num_classes).permute(0, 3, 1, 2)  # (B, T, H, W)
        targets = (targets * known[:, None]).to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        if self.ignored == "negative":
            return self.weight * losses.mean()
        count = mean_over_processes(known.sum() * num_classes, logits)
        return self.weight * torch.where(known[:, None], losses, 0.0).sum() / count
