"""Results that were computed part by part, put into their order."""

from collections.abc import Sequence

import torch
from torch import Tensor


def in_order(parts: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
    """Row i is that of which `rows` says i: parts (n_k, ...), rows (n_k,) int64 -> (N, ...).

    All of 0..N - 1 come once. What is in order already is not copied again.
    """
    joined, order = (
        torch.cat(list(all_of)) if len(all_of) > 1 else all_of[0] for all_of in (parts, rows)
    )
    if bool((order[1:] > order[:-1]).all()):
        return joined
    return joined[order.argsort().to(joined.device)]
