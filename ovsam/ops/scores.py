"""Class scores: fusion of two classifiers, and the answer.

Columns are C classes and, last, background.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

#: Log-score of a class that may not be answered: its probability is exactly 0 in float32.
ABSENT_LOG_SCORE = -1000.0


def class_columns(labels: Iterable[int], num_classes: int, device: torch.device | str) -> Tensor:
    """(C + 1,) bool, true in the columns of `labels`; never in the background's."""
    columns = torch.zeros(num_classes + 1, dtype=torch.bool, device=device)
    columns[sorted(labels)] = True
    return columns


def fuse_log_scores(head_logits: Tensor, clip_logits: Tensor, clip_weights: Tensor) -> Tensor:
    """Weighted geometric mean of two softmax distributions, in logs.

    Logits (N, C + 1) of the trained head and of CLIP, weights a (N, C + 1) or (C + 1,) in 0..1 ->
    (N, C + 1), not normalised: log p = (1 - a) log p_head + a log p_clip.

    Source: Yuan et al., Open-Vocabulary SAM, section 3.3 (after F-VLM, equation 3).
    """
    head = head_logits.float().log_softmax(dim=1)
    clip = clip_logits.float().log_softmax(dim=1)
    # If only one branch may answer with a class, its log-score in the other is finite but meaningless;
    # a = 0 and a = 1 still read one branch alone.
    return (1 - clip_weights) * head + clip_weights * clip


def keep_classes(log_scores: Tensor, labels: Iterable[int]) -> Tensor:
    """Log-scores (N, C + 1) with `ABSENT_LOG_SCORE` in all classes but `labels` (and background)."""
    columns = class_columns(labels, log_scores.shape[1] - 1, log_scores.device)
    columns[-1] = True
    return log_scores.masked_fill(~columns, ABSENT_LOG_SCORE)


def best_classes(log_scores: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C + 1) -> labels (N,) int64 and scores (N,) in 0..1: softmax, background dropped, maximum."""
    # The maximum of the log-scores is the same in exact arithmetic, and free of underflow.
    labels = log_scores[:, :-1].argmax(dim=1)
    probs = log_scores.float().softmax(dim=1)
    return labels, probs.gather(1, labels[:, None]).squeeze(1)
