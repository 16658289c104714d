"""Many prompts on one image: SAM's mask decoder with less arithmetic, for prediction.

Source: Kirillov et al., Segment Anything, appendix A, "Lightweight mask decoder"; weights are those of
the segment_anything package's transformer. A prompt has few tokens and an image many places. So the
projections between both are applied to the tokens, and the image is read as it is: once for all
prompts in the first layer. Transposed convolutions whose stride is their size are linear layers.
"""

import itertools
import math

import torch
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer
from torch import Tensor, nn
from torch.nn import functional as F

CPU_PLACES = 512  # upscaled at once on a CPU: the cells of more leave its cache


def two_way(
    transformer: TwoWayTransformer, image: Tensor, positions: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """The two-way transformer for N prompts on one image.

    Args:
        image, positions: (P, C), embedding and position of every place.
        tokens: (N, T, C) of the prompts.

    Returns:
        Tokens (N, T, C) and image (N, P, C) after all layers.
    """
    queries, keys = tokens, image
    for layer in transformer.layers:
        queries, keys = _layer(layer, queries, keys, tokens, positions)
    read = _read_image(transformer.final_attn_token_to_image, queries + tokens, keys, keys + positions)
    return transformer.norm_final_attn(queries + read), keys


def _layer(
    layer: TwoWayAttentionBlock, queries: Tensor, keys: Tensor, tokens: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """Queries (N, T, C), keys (N, P, C) or the same of all prompts (P, C) -> both, of every prompt."""
    if layer.skip_first_layer_pe:
        queries = layer.self_attn(q=queries, k=queries, v=queries)
    else:
        placed = queries + tokens
        queries = queries + layer.self_attn(q=placed, k=placed, v=queries)
    queries = layer.norm1(queries)
    placed_keys = keys + positions
    read = _read_image(layer.cross_attn_token_to_image, queries + tokens, keys, placed_keys)
    queries = layer.norm2(queries + read)
    queries = layer.norm3(queries + layer.mlp(queries))
    keys = _read_tokens(layer.cross_attn_image_to_token, keys, placed_keys, queries + tokens, queries)
    return queries, layer.norm4(keys)


def _read_image(layer: Attention, queries: Tensor, keys: Tensor, placed_keys: Tensor) -> Tensor:
    """Attention of tokens (N, T, C) to the image, keys ([N,] P, C) without and with positions."""
    asked = _heads(layer, layer.q_proj(queries))  # (N, T, H, d)
    # The bias of the keys adds the same to all scores of a query, which softmax does not see.
    asked = torch.einsum("nthd,hdc->nhtc", asked, _weights(layer, layer.k_proj)).flatten(1, 2)
    scores = asked @ placed_keys.mT  # (N, H T, P)
    mixed = (scores.softmax(dim=-1) @ keys).unflatten(1, (layer.num_heads, -1))  # (N, H, T, C)
    values = torch.einsum("nhtc,hdc->nthd", mixed, _weights(layer, layer.v_proj)).flatten(2)
    return layer.out_proj(values + layer.v_proj.bias)  # weights have the sum 1


def _read_tokens(
    layer: Attention, keys: Tensor, placed_keys: Tensor, placed_tokens: Tensor, tokens: Tensor
) -> Tensor:
    """Keys ([N,] P, C) and what they read in tokens (N, T, C), added: (N, P, C)."""
    known = _heads(layer, layer.k_proj(placed_tokens))  # (N, T, H, d)
    asked = torch.einsum("nthd,hdc->nhtc", known, _weights(layer, layer.q_proj)).flatten(1, 2)
    offsets = torch.einsum("nthd,hd->nht", known, layer.q_proj.bias.unflatten(0, (layer.num_heads, -1)))
    scores = asked @ placed_keys.mT + offsets.flatten(1)[..., None]  # (N, H T, P)
    weights = scores.unflatten(1, (layer.num_heads, -1)).softmax(dim=2).flatten(1, 2)
    told = layer.v_proj(tokens).unflatten(-1, (layer.num_heads, -1))  # (N, T, H, d)
    outwards = layer.out_proj.weight.unflatten(1, (layer.num_heads, -1))  # (C, H, d)
    told = torch.einsum("nthd,chd->nhtc", told, outwards) + layer.out_proj.bias / layer.num_heads
    return torch.baddbmm(keys.expand(len(tokens), -1, -1), weights.mT, told.flatten(1, 2))


def _heads(layer: Attention, projected: Tensor) -> Tensor:
    """(N, T, H d) -> (N, T, H, d), divided by the root of d."""
    heads = projected.unflatten(-1, (layer.num_heads, -1))
    return heads / math.sqrt(heads.shape[-1])


def _weights(layer: Attention, projection: nn.Linear) -> Tensor:
    """(H d, C) -> (H, d, C)."""
    return projection.weight.unflatten(0, (layer.num_heads, -1))


def upscaled_masks(
    upscaling: nn.Sequential, image: Tensor, kernels: Tensor, size: tuple[int, int]
) -> Tensor:
    """Mask logits at four times the grid.

    Args:
        upscaling: SAM's `output_upscaling`.
        image: (N, P, C) after the transformer.
        kernels: (N, M, C / 8), one for each mask.
        size: (h, w) of the grid, h w = P.

    Returns:
        (N, M, 4h, 4w).
    """
    at_once = CPU_PLACES if image.device.type == "cpu" else image.shape[1]
    parts = [_cells(upscaling, part) @ kernels.mT for part in image.split(at_once, dim=1)]
    logits = torch.cat(parts, dim=1).unflatten(1, (*size, 2, 2, 2, 2)).movedim(-1, 1)
    masks = logits.new_empty(*logits.shape[:2], size[0], 4, size[1], 4)
    # The first convolution's row and column of a cell, then the second's. One permuted copy of all would
    # go through memory in steps of two.
    for a, b, c, d in itertools.product(range(2), repeat=4):
        masks[:, :, :, 2 * a + c, :, 2 * b + d] = logits[..., a, b, c, d]  # (N, M, h, w)
    return masks.flatten(4).flatten(2, 3)  # -> (N, M, 4h, 4w)


def _cells(upscaling: nn.Sequential, places: Tensor) -> Tensor:
    """(N, p, C) -> the 16 cells of every place, (N, 16 p, C / 8)."""
    first, norm, activation, second, last_activation = upscaling
    cells = _linear(first, places)  # (N, p, 4, C / 4)
    cells = activation(F.layer_norm(cells, cells.shape[-1:], norm.weight, norm.bias, norm.eps))
    return last_activation(_linear(second, cells)).flatten(1, 3)  # -> (N, 16 p, C / 8)


def _linear(layer: nn.ConvTranspose2d, places: Tensor) -> Tensor:
    """A transposed convolution of size and stride 2, (..., C) -> (..., 4, D): cells row by row."""
    weight = layer.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (C, D, 2, 2) -> (4 D, C)
    return F.linear(places, weight, layer.bias.repeat(4)).unflatten(-1, (4, -1))
