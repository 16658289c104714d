"""SAM's transformer block without a matrix of all attention weights: the same weights, the same result.

Source: Kirillov et al., Segment Anything, appendix A (image encoder); blocks of the segment_anything
package. Attention goes through `scaled_dot_product_attention`; the decomposed relative positions reach
it as a bias of a few rows at a time, or as more channels of queries and keys. Windows are padded after
the projection to queries, keys and values.
"""

import torch
from segment_anything.modeling.image_encoder import Attention, Block
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.ops.compiling import compiled
from ovsam.ops.precision import full_precision

MIN_TRAINED_TOKENS = 1024  # of the grid; on less segment-anything's own code trains faster
BIAS_BYTES = 4 << 20  # of the bias of a few rows: more leave the cache of a CPU


def run_block(block: Block, tokens: Tensor, is_fast: bool, is_compiled: bool = False) -> Tensor:
    """As `block(tokens)`, (B, h, w, C) -> (B, h, w, C).

    The package's own code runs in training on small grids, where `is_fast` is False, in export, and on
    the meta device, where costs are counted by the published arithmetic. With `is_compiled` the other
    code goes through `torch.compile` on a GPU, for all blocks of a kind together.
    """
    pays = tokens.shape[1] * tokens.shape[2] >= MIN_TRAINED_TOKENS or not _is_trained(block, tokens)
    if not (is_fast and pays) or tokens.is_meta or torch.compiler.is_exporting():
        return block(tokens)
    fused = compiled(_run_fused, tokens.device) if is_compiled else _run_fused
    return fused(block, tokens)


def _run_fused(block: Block, tokens: Tensor) -> Tensor:
    tokens = tokens + _attend(block.attn, block.norm1(tokens), block.window_size)
    return tokens + block.mlp(block.norm2(tokens))


def run_neck(neck: nn.Module, maps: Tensor) -> Tensor:
    """Maps (B, C, h, w) through the last layers of SAM's encoder -> (B, D, h, w).

    Without autocast: they are a hundredth of the work. With them in bfloat16, ViT-B's error at 512 px is
    0.0098 of the largest value, so 0.0055.
    """
    if maps.is_meta or not torch.is_autocast_enabled(maps.device.type):
        return neck(maps)
    with full_precision(maps):
        return neck(maps.to(next(neck.parameters()).dtype))


def _is_trained(block: Block, tokens: Tensor) -> bool:
    needs_gradient = tokens.requires_grad or any(part.requires_grad for part in block.parameters())
    return torch.is_grad_enabled() and needs_gradient


def _attend(layer: Attention, tokens: Tensor, window: int) -> Tensor:
    """(B, h, w, C) -> (B, h, w, C), in windows of `window` tokens a side; 0 = no windows."""
    height, width = tokens.shape[1:3]
    rows, columns = (window, window) if window else (height, width)
    qkv = layer.qkv(tokens)  # (B, h, w, 3 C)
    if height % rows or width % columns:
        # The package pads tokens with zeros, which the projection turns into its bias.
        tall, wide = height + -height % rows, width + -width % columns
        padded = layer.qkv.bias.to(qkv.dtype).expand(len(qkv), tall, wide, -1).clone()
        padded[:, :height, :width] = qkv
        qkv = padded
    down, across = qkv.shape[1] // rows, qkv.shape[2] // columns
    qkv = qkv.unflatten(2, (across, columns)).unflatten(1, (down, rows))  # (B, R, r, Q, q, 3 C)
    qkv = qkv.unflatten(-1, (3, layer.num_heads, -1))  # (B, R, r, Q, q, 3, heads, d)
    qkv = qkv.permute(5, 0, 1, 3, 6, 2, 4, 7).flatten(1, 3)  # -> (3, B R Q, heads, r, q, d)
    mixed = position_attention(*qkv.unbind(0), layer.rel_pos_h, layer.rel_pos_w)
    mixed = mixed.unflatten(0, (-1, down, across)).permute(0, 1, 4, 2, 5, 3, 6)
    mixed = mixed.flatten(5).flatten(3, 4).flatten(1, 2)  # (B, R, r, Q, q, heads, d) -> (B, h, w, C)
    return layer.proj(mixed[:, :height, :width])


def position_attention(
    query: Tensor, key: Tensor, value: Tensor, row_table: Tensor, column_table: Tensor
) -> Tensor:
    """Attention over a grid with decomposed relative positions.

    Args:
        query, key, value: (N, heads, h, w, d).
        row_table, column_table: (2 h - 1, d) and (2 w - 1, d), one vector of each distance.

    Returns:
        (N, heads, h, w, d).

    Source: Li et al., MViTv2, equation 4.
    """
    rows = torch.einsum("nhyxd,ykd->nhyxk", query, _by_distance(row_table, query.shape[2]))
    columns = torch.einsum("nhyxd,xkd->nhyxk", query, _by_distance(column_table, query.shape[3]))
    # A CPU has a fast kernel with a bias but without its gradient, and only for values as wide as keys.
    if query.device.type == "cpu" and not (torch.is_grad_enabled() and rows.requires_grad):
        return _with_bias(query, key, value, rows, columns)
    return _with_channels(query, key, value, rows, columns)


def _by_distance(table: Tensor, side: int) -> Tensor:
    """(2 side - 1, d) -> the vectors of every place and every key, (side, side, d)."""
    places = torch.arange(side, device=table.device)
    return table[places[:, None] - places + side - 1]


def _with_bias(query: Tensor, key: Tensor, value: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """One bias at a time, of one head and some rows of queries; (N, heads, h, w, d)."""
    num, heads, height, width, _ = query.shape
    row_bytes = num * width * height * width * query.element_size()
    band = max(1, BIAS_BYTES // row_bytes)
    mixed = torch.empty_like(query)
    for head in range(heads):
        keys, values = (part[:, head : head + 1].flatten(2, 3) for part in (key, value))
        for top in range(0, height, band):
            part = (slice(None), slice(head, head + 1), slice(top, top + band))
            bias = rows[part][..., None] + columns[part][..., None, :]  # (N, 1, b, w, h, w)
            found = F.scaled_dot_product_attention(
                query[part].flatten(2, 3), keys, values, attn_mask=bias.flatten(4).flatten(2, 3)
            )
            mixed[part] = found.unflatten(2, (-1, width))
    return mixed


def _with_channels(query: Tensor, key: Tensor, value: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Queries with their biases as channels, keys with ones at their row and column."""
    height, width, depth = query.shape[2:]
    places = torch.cat(
        [
            torch.eye(height, dtype=key.dtype, device=key.device).repeat_interleave(width, dim=0),
            torch.eye(width, dtype=key.dtype, device=key.device).repeat(height, 1),
        ],
        dim=1,
    )  # (h w, h + w)
    queries = torch.cat([query * depth**-0.5, rows, columns], dim=-1).flatten(2, 3)
    keys = torch.cat([key.flatten(2, 3), places.expand(*key.shape[:2], -1, -1)], dim=-1)
    values = value.flatten(2, 3)
    if query.device.type == "cpu":
        values = F.pad(values, (0, height + width))
    mixed = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :depth]
    return mixed.unflatten(2, (height, width))
