"""3x3 convolutions with four ninths of the multiplications, for wide maps on a CPU.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (CVPR 2016), section 4.1,
F(2 x 2, 3 x 3). Exact in real numbers; sums are shorter, so in float32 its errors are smaller than those
of the direct way on maps with channels last. With AVX-512 torch's way on maps with channels first has
smaller ones (1.3 to 2.5 times, tried once). A transformed weight takes 16 / 9 of the memory.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Tried on two cores, RN50x16's layers at 1024 px. With AVX2 192 channels and more take 0.6 to 0.7 of the
# time of the direct way and 96 channels as much; with AVX-512 192, 384 and 768 take 0.9, 0.8 and 0.55 of
# it, and 96 take 1.4 times. With AVX2 bands of 3 million values are among the fastest for all.
MIN_CHANNELS = 192
BAND_VALUES = 3 << 20
#: Transforms wait for memory, which all threads share. More than two were not tried: a careful guess.
MAX_THREADS = 8
#: From a row of three weights to the four of a tile.
_WEIGHTS = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)


def pays(convolution: nn.Conv2d, maps: Tensor) -> bool:
    """Whether a convolution of maps (B, C, h, w) is one that `convolve` computes, and faster."""
    weight = convolution.weight
    is_plain = maps.device.type == "cpu" and maps.dtype == weight.dtype == torch.float32
    is_plain = is_plain and torch.get_num_threads() <= MAX_THREADS
    is_wide = weight.shape[2:] == (3, 3) and min(weight.shape[:2]) >= MIN_CHANNELS
    keeps_sides = (convolution.stride, convolution.padding, convolution.dilation) == ((1, 1),) * 3
    return is_plain and is_wide and keeps_sides and _has_tiles(maps) and convolution.groups == 1


def _has_tiles(maps: Tensor) -> bool:
    return maps.numel() > 0 and maps.shape[2] % 2 == maps.shape[3] % 2 == 0


def transformed(weight: Tensor) -> Tensor:
    """A weight (D, C, 3, 3) as `convolve` reads it, (16, C, D)."""
    rows = _WEIGHTS.to(weight.device)
    tiles = torch.einsum("pr,qk,dcrk->pqcd", rows, rows, weight.double())
    return tiles.to(weight.dtype).flatten(0, 1).contiguous()


def convolve(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`F.conv2d(maps, ..., padding=1)`, without gradients.

    At least one map (B, C, h, w) with even sides, a `transformed` weight (16, C, D), bias (D,) ->
    (B, D, h, w) with channels last. A tile is 4 x 4 cells and gives 2 x 2; a band of rows of tiles is
    computed at a time.
    """
    num, channels, height, width = maps.shape
    tall, wide = height // 2, width // 2
    cells = F.pad(maps.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # (B, h + 2, w + 2, C)
    found = cells.new_empty(num, height, width, weight.shape[2])
    tiles = found.unflatten(2, (wide, 2)).unflatten(1, (tall, 2))  # (B, t, 2, u, 2, D)
    band = max(1, BAND_VALUES // (num * wide * 16 * channels))
    for top in range(0, tall, band):
        count = min(band, tall - top)
        spread = _transformed_tiles(cells[:, 2 * top : 2 * (top + count) + 2], wide)
        products = torch.bmm(spread.flatten(2, 4).flatten(0, 1), weight)  # (16, B t u, D)
        _write_cells(products.unflatten(0, (4, 4)), bias, tiles[:, top : top + count])
    return found.permute(0, 3, 1, 2)


def _transformed_tiles(cells: Tensor, wide: int) -> Tensor:
    """Cells (B, 2 t + 2, 2 u + 2, C) -> transformed tiles (4, 4, B, t, u, C)."""
    num, tall, _, channels = cells.shape
    count = tall // 2 - 1
    first, second, third, fourth = (cells[:, i : i + 2 * count - 1 : 2] for i in range(4))
    rows = (first - third, second + third, third - second, second - fourth)  # (B, t, 2 u + 2, C) each
    spread = cells.new_empty(4, 4, num, count, wide, channels)
    for row, into in zip(rows, spread, strict=True):
        first, second, third, fourth = (row[:, :, i : i + 2 * wide - 1 : 2] for i in range(4))
        torch.sub(first, third, out=into[0])
        torch.add(second, third, out=into[1])
        torch.sub(third, second, out=into[2])
        torch.sub(second, fourth, out=into[3])
    return spread


def _write_cells(products: Tensor, bias: Tensor, tiles: Tensor) -> None:
    """Products of tiles (4, 4, B t u, D) and a bias (D,) into cells (B, t, 2, u, 2, D)."""
    upper = (products[0] + products[1]).add_(products[2])  # (4, B t u, D)
    lower = (products[1] - products[2]).sub_(products[3])
    shape = tiles[:, :, 0, :, 0].shape
    for row, part in enumerate((upper, lower)):
        left = (part[0] + part[1]).add_(part[2]).add_(bias)
        right = (part[1] - part[2]).sub_(part[3]).add_(bias)
        tiles[:, :, row, :, 0] = left.view(shape)
        tiles[:, :, row, :, 1] = right.view(shape)
