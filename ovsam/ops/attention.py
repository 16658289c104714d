"""Attention on token tensors: linear attention, and windows of a square grid with cyclic shift."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.ops.precision import full_precision

MASKED = -100.0  # added between tokens that are no neighbours in the image; Swin's own value
EPSILON = 1e-6  # floor of the sum that linear attention divides by


def linear_attention(
    queries: Tensor, keys: Tensor, values: Tensor, constant: tuple[Tensor, Tensor, int] | None = None
) -> Tensor:
    """Attention whose cost is linear in the number of keys: softmax replaced by elu(x) + 1.

    Queries (..., L, heads, d), keys (..., S, heads, d), values (..., S, heads, e) -> (..., L, heads, e)
    float32. `constant`: key (heads, d) and value (heads, e) of one more pair, and how often it counts.

    Source: Katharopoulos et al., Transformers are RNNs, equation 6.
    """
    with full_precision(queries):  # sums over hundreds of keys
        queries, keys = F.elu(queries.float()) + 1, F.elu(keys.float()) + 1
        values = values.float()
        summed = torch.einsum("...shd,...she->...hde", keys, values)
        norm = keys.sum(dim=-3)  # (..., heads, d)
        if constant is not None:
            key, value, count = constant
            key, value = F.elu(key.float()) + 1, value.float()
            summed = summed + count * key[:, :, None] * value[:, None, :]
            norm = norm + count * key
        weights = torch.einsum("...lhd,...hd->...lh", queries, norm) + EPSILON
        return torch.einsum("...lhd,...hde->...lhe", queries, summed) / weights[..., None]


def split_windows(tokens: Tensor, window: int, shift: int = 0) -> Tensor:
    """Square windows of a grid, row-major: (N, h, w, C) -> (N, windows, window * window, C).

    The grid is first rolled up and left by `shift` tokens.
    """
    height, width = tokens.shape[1:3]
    if height % window or width % window:
        raise ValueError(f"windows of {window} do not fill a grid of {height} x {width} tokens")
    if shift:
        tokens = tokens.roll((-shift, -shift), dims=(1, 2))
    tokens = tokens.unflatten(2, (-1, window)).unflatten(1, (-1, window))  # (N, R, r, Q, q, C)
    return tokens.transpose(2, 3).flatten(3, 4).flatten(1, 2)  # -> (N, R Q, r q, C)


def join_windows(windows: Tensor, size: tuple[int, int], shift: int = 0) -> Tensor:
    """The inverse of `split_windows`: (N, windows, n, C) -> (N, h, w, C)."""
    height, width = size
    side = int(windows.shape[2] ** 0.5)
    tokens = windows.unflatten(2, (side, side)).unflatten(1, (height // side, width // side))
    tokens = tokens.transpose(2, 3).flatten(3, 4).flatten(1, 2)  # (N, R, Q, r, q, C) -> (N, h, w, C)
    return tokens.roll((shift, shift), dims=(1, 2)) if shift else tokens


def shifted_window_mask(size: tuple[int, int], window: int, shift: int) -> Tensor:
    """What is added to the attention in windows of a rolled grid, (windows, n, n) float32.

    It is 0 between tokens that are neighbours in the image, else `MASKED`.

    Source: Liu et al., Swin Transformer, section 3.2.
    """
    regions = torch.zeros(1, *size, 1)
    edges = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in edges for c in edges):
        regions[:, rows, columns] = number
    numbers = split_windows(regions, window)[0, :, :, 0]  # (1, h, w, 1) -> (windows, n)
    return torch.where(numbers[:, :, None] == numbers[:, None, :], 0.0, MASKED)
