"""Suppression of duplicate masks, and how stable the outline of a mask is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor


def mask_nms(
    codes: Sequence[dict[str, Any]], scores: NDArray[np.floating], threshold: float
) -> NDArray[np.int64]:
    """Greedy suppression by the IoU of masks: the rows that stay, (k,) int64, best score first.

    Args:
        codes: K run-length codes, as `ops.masks.encode_masks` gives them.
        scores: (K,); of two masks that overlap, the one with the higher score stays, or the first.
        threshold: IoU in 0..1 above which two masks are duplicates.
    """
    if len(codes) != len(scores):
        raise ValueError(f"expected a score per mask, got {len(codes)} masks and {len(scores)} scores")
    order = np.argsort(-np.asarray(scores), kind="stable")
    alive = np.ones(len(codes), bool)
    kept = []
    for row in order.tolist():
        if not alive[row]:
            continue
        kept.append(row)
        others = np.flatnonzero(alive)
        overlaps = coco_mask.iou([codes[other] for other in others], [codes[row]], [0])[:, 0]
        alive[others[overlaps > threshold]] = False
        alive[row] = False  # an empty mask overlaps nothing, not even itself
    return np.array(kept, np.int64)


def stability_scores(mask_logits: Tensor, offset: float = 1.0) -> Tensor:
    """IoU of each mask cut at logits of `offset` and `-offset`; near 1 for a sure outline.

    (K, h, w) -> (K,) float32 in 0..1; 0 for a mask that is empty at both cuts.

    Source: Kirillov et al., Segment Anything, section 5 ("Stable masks").
    """
    inner = (mask_logits > offset).sum(dim=(1, 2)).float()
    outer = (mask_logits > -offset).sum(dim=(1, 2)).float()
    return inner / outer.clamp(min=1)
