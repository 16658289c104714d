"""Training of the masks for ambiguous prompts and of the quality score.

Source: Kirillov et al., Segment Anything, section 3 ("Resolving ambiguity") and appendix A: of the masks
for ambiguous prompts only the best learns, and the quality head learns each mask's IoU by squared error.
Differs in that token 0 learns from every prompt, as CLIP2SAM's single token does.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.outputs import DecoderOutput

QUALITY_WEIGHT = 1.0  # factor of the squared error, as in SAM


def multimask_losses(
    mask_loss: nn.Module, output: DecoderOutput, targets: Tensor, counts: list[int], seeds: list[int]
) -> dict[str, Tensor]:
    """The losses other than those of mask token 0; arguments as in `losses.MaskLoss`.

    `loss_mask_multimask` and `loss_dice_multimask` if there are several mask tokens, `loss_quality` if
    there is a quality head; () float32 each.
    """
    logits = output.mask_logits
    if logits.shape[1] == 1 and output.quality is None:
        return {}
    # (N, S, S) -> (N, 1, h, w): share of each cell of the decoder's grid
    cells = F.adaptive_avg_pool2d(targets.float(), logits.shape[-2:])[:, None]
    losses = {}
    if logits.shape[1] > 1:
        others = logits[:, 1:]
        best = mask_costs(others.detach(), cells).argmin(dim=1)  # (N,)
        chosen = others[torch.arange(len(others), device=others.device), best]
        found = mask_loss(chosen, targets, counts=counts, seeds=seeds)
        losses.update({f"{name}_multimask": value for name, value in found.items()})
    if output.quality is not None:
        error = output.quality.float() - grid_iou(logits.detach(), cells)  # (N, M)
        # No prompts, no error; the sum keeps the head in the graph.
        losses["loss_quality"] = QUALITY_WEIGHT * error.square().sum() / max(error.numel(), 1)
    return losses


def mask_costs(mask_logits: Tensor, cells: Tensor) -> Tensor:
    """Mean cross-entropy plus Dice loss: (N, M, h, w) and targets (N, 1, h, w) in 0..1 -> (N, M)."""
    logits = mask_logits.float().flatten(2)  # (N, M, h, w) -> (N, M, hw)
    wanted = cells.expand_as(mask_logits).flatten(2)
    cross_entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(dim=2)
    probs = logits.sigmoid()
    overlap = 2 * (probs * wanted).sum(dim=2) + 1
    return cross_entropy + 1 - overlap / (probs.sum(dim=2) + wanted.sum(dim=2) + 1)


def grid_iou(mask_logits: Tensor, cells: Tensor) -> Tensor:
    """IoU of each mask (logit > 0) with its target (half of a cell or more); 1 if both are empty.

    (N, M, h, w) logits and (N, 1, h, w) in 0..1 -> (N, M) float32 in 0..1.
    """
    found, wanted = mask_logits > 0, cells >= 0.5
    intersection = (found & wanted).sum(dim=(2, 3)).float()
    union = (found | wanted).sum(dim=(2, 3)).float()
    return torch.where(union > 0, intersection / union.clamp(min=1), torch.ones_like(union))
