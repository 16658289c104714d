"""Losses over regions and masks, normalised over all processes.

Every loss is a sum over instances divided by a count that is averaged over the processes, so that
with averaged gradients N processes compute what one process would on the whole batch.

Source: Yuan et al., Open-Vocabulary SAM, section 3.4 and its released configuration; points as in
Cheng et al., Mask2Former, section 3.2.1, and Kirillov et al., PointRend, section 3.1.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from mmengine import dist
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.registry import MODELS, passes_options_to

UNKNOWN_LABEL = -1  # an instance without a class: it takes no part in the class loss


def mean_over_processes(count: Tensor | float, like: Tensor) -> Tensor:
    """`count` averaged over all processes, () float32 on the device of `like`; 1 where that is 0."""
    mean = torch.as_tensor(count, dtype=torch.float32, device=like.device).clone()
    dist.all_reduce(mean, op="mean")
    return torch.where(mean > 0, mean, torch.ones_like(mean))


@MODELS.register_module()
class ClassificationLoss(nn.Module):
    """Cross-entropy over C classes and background, averaged by the sum of the targets' weights.

    Args:
        weight: factor of the loss.
        background_weight: class weight of the background column.
    """

    def __init__(self, *, weight: float = 2.0, background_weight: float = 0.1) -> None:
        super().__init__()
        self.weight = weight
        self.background_weight = background_weight

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(N, C + 1), last column background, and (N,) int64 in 0..C or -1 (left out) -> () float32."""
        class_weights = logits.new_ones(logits.shape[1], dtype=torch.float32)
        class_weights[-1] = self.background_weight
        summed = F.cross_entropy(
            logits.float(), labels, class_weights, ignore_index=UNKNOWN_LABEL, reduction="sum"
        )
        target_weights = class_weights[labels.clamp(min=0)] * (labels != UNKNOWN_LABEL)
        return self.weight * summed / mean_over_processes(target_weights.sum(), logits)


class MaskLoss(nn.Module, ABC):
    """Binary cross-entropy and naive Dice on mask logits, read where a subclass chooses.

    Args:
        bce_weight: factor of the cross-entropy.
        dice_weight: factor of the Dice loss.
    """

    def __init__(self, *, bce_weight: float = 5.0, dice_weight: float = 5.0) -> None:
        super().__init__()
        self.bce_weight = bce_weight
        self.dice_weight = dice_weight

    @abstractmethod
    def sample(
        self, mask_logits: Tensor, targets: Tensor, counts: Sequence[int], seeds: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Logits and targets (N, P) at the same P places; arguments as in `forward`."""

    def forward(
        self, mask_logits: Tensor, targets: Tensor, counts: Sequence[int], seeds: Sequence[int]
    ) -> dict[str, Tensor]:
        """`loss_mask` and `loss_dice` of the N instances of a batch, () float32.

        Args:
            mask_logits: (N, h, w) over the padded square.
            targets: (N, S, S) bool or float over the same square.
            counts: instances of each image, in order; their sum is N.
            seeds: one per image, where places are drawn.
        """
        logits, target_probs = self.sample(mask_logits, targets, counts, seeds)
        logits = logits.float()
        total = mean_over_processes(len(logits), mask_logits)
        bce = F.binary_cross_entropy_with_logits(logits, target_probs, reduction="none").mean(dim=1)
        return {
            "loss_mask": self.bce_weight * bce.sum() / total,
            "loss_dice": self.dice_weight * dice_loss(logits.sigmoid(), target_probs).sum() / total,
        }


@MODELS.register_module()
class GridMaskLoss(MaskLoss):
    """Read on every cell of the decoder's grid; the target of a cell is the share of it covered."""

    def sample(
        self, mask_logits: Tensor, targets: Tensor, counts: Sequence[int], seeds: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        cells = F.adaptive_avg_pool2d(targets.float(), mask_logits.shape[-2:])  # (N, S, S) -> (N, h, w)
        return mask_logits.flatten(1), cells.flatten(1)


@MODELS.register_module()
@passes_options_to(MaskLoss)
class PointMaskLoss(MaskLoss):
    """Read at points, most of them where the prediction is least certain.

    Args:
        num_points: points per instance. 12,544 = 112 x 112, as in Mask2Former.
        oversample_ratio: candidates per point.
        importance_ratio: share of the points taken from the least certain candidates.
        options: those of `MaskLoss`.
    """

    def __init__(
        self,
        *,
        num_points: int = 12544,
        oversample_ratio: float = 3.0,
        importance_ratio: float = 0.75,
        **options: float,
    ) -> None:
        super().__init__(**options)
        self.num_points = num_points
        self.oversample_ratio = oversample_ratio
        self.importance_ratio = importance_ratio

    def sample(
        self, mask_logits: Tensor, targets: Tensor, counts: Sequence[int], seeds: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        points = self.choose_points(mask_logits.detach(), counts, seeds)
        return sample_points(mask_logits, points), sample_points(targets, points)

    def choose_points(self, mask_logits: Tensor, counts: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """(N, P, 2) xy in 0..1, drawn for each image from its own seed."""
        num_candidates = int(self.num_points * self.oversample_ratio)
        num_uncertain = int(self.num_points * self.importance_ratio)
        num_drawn = num_candidates + self.num_points - num_uncertain
        drawn = [
            torch.rand(count, num_drawn, 2, generator=torch.Generator().manual_seed(seed))
            for count, seed in zip(counts, seeds, strict=True)
        ]  # drawn on the CPU, so that every device sees the same points
        places = torch.cat(drawn).to(mask_logits.device)
        candidates, others = places.split((num_candidates, num_drawn - num_candidates), dim=1)
        certainty = sample_points(mask_logits, candidates).abs()  # (N, candidates)
        chosen = certainty.topk(num_uncertain, dim=1, largest=False).indices
        uncertain = candidates.gather(1, chosen[..., None].expand(-1, -1, 2))
        return torch.cat([uncertain, others], dim=1)


def dice_loss(probs: Tensor, targets: Tensor, eps: float = 1.0) -> Tensor:
    """Naive Dice loss per row: 1 - (2 sum(p t) + eps) / (sum p + sum t + eps); (N, P) x 2 -> (N,)."""
    overlap = 2 * (probs * targets).sum(dim=1)
    return 1 - (overlap + eps) / (probs.sum(dim=1) + targets.sum(dim=1) + eps)


def sample_points(maps: Tensor, points: Tensor) -> Tensor:
    """Bilinear values at points, zero outside: (N, h, w), (N, P, 2) -> (N, P), all in float32.

    Points are xy in 0..1 over the map (0 and 1 are its outer edges); in half precision they would be off
    by more than a cell.
    """
    grid = 2 * points[:, None] - 1  # (N, P, 2) -> (N, 1, P, 2)
    values = F.grid_sample(maps[:, None].float(), grid, mode="bilinear", align_corners=False)
    return values[:, 0, 0]  # (N, 1, 1, P) -> (N, P)
