"""Many prompts on one image: SAM's mask decoder with less arithmetic, for prediction.

Source: Kirillov et al., Segment Anything, appendix A, "Lightweight mask decoder"; weights are those of
the segment_anything package's transformer. A prompt has few tokens and an image many places. So the
projections between both are applied to the tokens, and the image is read as it is. In the first layer it
is the same for all prompts: for several of them it is projected once. A map of a prompt is computed some
places at a time, with all that reads them, because a CPU's cache holds no more. Transposed convolutions
whose stride is their size are linear layers.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer
from torch import Tensor, nn
from torch.nn import functional as F

CPU_PLACES = 512  # computed at once on a CPU: what belongs to more leaves its cache


@dataclass(frozen=True)
class ProjectedImage:
    """What the first layer makes of an image of P places, for H heads of d channels."""

    keys: Tensor  # (H, d, P)
    values: Tensor  # (H, P, d)
    queries: Tensor  # (H, d, P), divided by the root of d

    @classmethod
    def of(cls, transformer: TwoWayTransformer, image: Tensor, positions: Tensor) -> "ProjectedImage":
        """Of image and positions (P, C)."""
        read, write = _cross_attentions(transformer.layers[0])
        placed = image + positions
        return cls(
            keys=_split(read, read.k_proj(placed)).permute(1, 2, 0).contiguous(),
            values=_split(read, read.v_proj(image)).transpose(0, 1).contiguous(),
            queries=_scaled(_split(write, write.q_proj(placed))).permute(1, 2, 0).contiguous(),
        )

    def read_by(self, attention: Attention, tokens: Tensor) -> Tensor:
        """What tokens (N, T, C) read in the image, (N, T, C)."""
        asked = _scaled(_split(attention, attention.q_proj(tokens)))  # (N, T, H, d)
        asked = asked.permute(2, 0, 1, 3).flatten(1, 2)  # -> (H, N T, d)
        mixed = (asked @ self.keys).softmax(dim=-1) @ self.values
        mixed = mixed.unflatten(1, tokens.shape[:2]).permute(1, 2, 0, 3)  # -> (N, T, H, d)
        return attention.out_proj(mixed.flatten(2))

    def scores(self, known: Tensor, places: slice) -> Tensor:
        """How much some places ask for tokens of which (N, T, H, d) is known, (N, H, T, p)."""
        num, length = known.shape[:2]
        known = known.permute(2, 0, 1, 3).flatten(1, 2)  # -> (H, N T, d)
        return (known @ self.queries[..., places]).unflatten(1, (num, length)).transpose(0, 1)


def two_way(
    transformer: TwoWayTransformer,
    image: Tensor,
    positions: Tensor,
    tokens: Tensor,
    num_read: int,
    projected: ProjectedImage | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """The two-way transformer for N prompts on one image.

    Args:
        image, positions: (P, C), embedding and position of every place.
        tokens: (N, T, C) of the prompts.
        num_read: R, number of first tokens that are wanted.
        projected: `ProjectedImage.of` the image, for several prompts.

    Returns:
        Tokens (N, R, C), and the image in parts [(N, p, C)], after all layers.
    """
    layers = list(transformer.layers)
    keys, places = image.split(_at_once(image)), positions.split(_at_once(image))
    queries, attention = _mix_tokens(layers[0], tokens, tokens), _cross_attentions(layers[0])[0]
    if projected is None:
        asked = _asked(attention, queries + tokens)
        scores = [asked @ (part + place).mT for part, place in zip(keys, places, strict=True)]
        found = _read(attention, scores, keys)
    else:
        found = projected.read_by(attention, queries + tokens)
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        queries = layer.norm2(queries + found)
        queries = layer.norm3(queries + layer.mlp(queries))
        writing = _Writing.of(layer, queries, tokens, projected)
        projected = None  # the next layer has an image for every prompt
        if following is None:
            queries, tokens = queries[:, :num_read], tokens[:, :num_read]
            attention = transformer.final_attn_token_to_image
        else:
            queries = _mix_tokens(following, queries, tokens)
            attention = _cross_attentions(following)[0]
        keys, scores = _written(writing, keys, places, _asked(attention, queries + tokens))
        found = _read(attention, scores, keys)
    return transformer.norm_final_attn(queries + found), keys


def _cross_attentions(layer: TwoWayAttentionBlock) -> tuple[Attention, Attention]:
    """From tokens to the image, and from the image to tokens."""
    return layer.cross_attn_token_to_image, layer.cross_attn_image_to_token


def _mix_tokens(layer: TwoWayAttentionBlock, queries: Tensor, tokens: Tensor) -> Tensor:
    """Attention of the tokens of each prompt to each other, (N, T, C) -> (N, T, C)."""
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(q=queries, k=queries, v=queries))
    placed = queries + tokens
    return layer.norm1(queries + layer.self_attn(q=placed, k=placed, v=queries))


def _asked(attention: Attention, tokens: Tensor) -> Tensor:
    """What tokens (N, T, C) ask places for without projecting these, (N, H T, C)."""
    asked = _scaled(_split(attention, attention.q_proj(tokens)))  # (N, T, H, d)
    # The bias of the keys adds the same to all scores of a query, which softmax does not see.
    return torch.einsum("nthd,hdc->nhtc", asked, _rows(attention, attention.k_proj)).flatten(1, 2)


def _read(attention: Attention, scores: Sequence[Tensor], keys: Sequence[Tensor]) -> Tensor:
    """What tokens with scores [(N, H T, p)] read in parts of keys [([N,] p, C)], (N, T, C)."""
    weights = (
        torch.cat(list(scores), dim=-1).softmax(dim=-1).split([key.shape[-2] for key in keys], dim=-1)
    )
    mixed = sum(part @ key for part, key in zip(weights, keys, strict=True))  # (N, H T, C)
    mixed = mixed.unflatten(1, (attention.num_heads, -1))
    values = torch.einsum("nhtc,hdc->nthd", mixed, _rows(attention, attention.v_proj)).flatten(2)
    return attention.out_proj(values + attention.v_proj.bias)  # weights have the sum 1


@dataclass(frozen=True)
class _Writing:
    """What a layer adds to the image: tokens that every place reads, then a norm."""

    known: Tensor  # (N, T, H, d) of the tokens
    asked: Tensor | None  # (N, H T, C), the same for places that are not projected
    offsets: Tensor | None  # (N, H T, 1), what the bias of their projection adds to the scores
    told: Tensor  # (N, H T, C)
    norm: nn.LayerNorm
    projected: ProjectedImage | None

    @classmethod
    def of(
        cls,
        layer: TwoWayAttentionBlock,
        queries: Tensor,
        tokens: Tensor,
        projected: ProjectedImage | None,
    ) -> "_Writing":
        attention = _cross_attentions(layer)[1]
        known = _split(attention, attention.k_proj(queries + tokens))
        asked = offsets = None
        if projected is None:
            known = _scaled(known)
            asked = torch.einsum("nthd,hdc->nhtc", known, _rows(attention, attention.q_proj)).flatten(
                1, 2
            )
            bias = attention.q_proj.bias.unflatten(0, (attention.num_heads, -1))
            offsets = torch.einsum("nthd,hd->nht", known, bias).flatten(1)[..., None]
        told = _split(attention, attention.v_proj(queries))
        outwards = attention.out_proj.weight.unflatten(1, (attention.num_heads, -1))  # (C, H, d)
        told = torch.einsum("nthd,chd->nhtc", told, outwards)
        told = (told + attention.out_proj.bias / attention.num_heads).flatten(1, 2)
        return cls(known, asked, offsets, told, layer.norm4, projected)

    def into(self, keys: Tensor, positions: Tensor, places: slice) -> Tensor:
        """Keys ([N,] p, C) of the `places` at these positions (p, C) after the layer, (N, p, C)."""
        if self.projected is not None:
            scores = self.projected.scores(self.known, places)
        else:
            scores = self.asked @ (keys + positions).mT + self.offsets
            scores = scores.unflatten(1, (self.known.shape[2], -1))  # (N, H T, p) -> (N, H, T, p)
        weights = scores.softmax(dim=2).flatten(1, 2)
        return self.norm(torch.baddbmm(keys.expand(len(weights), -1, -1), weights.mT, self.told))


def _written(
    writing: _Writing, keys: Sequence[Tensor], positions: Sequence[Tensor], asked: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Parts of the keys after a layer, and the scores [(N, H T, p)] of what is `asked` of them next."""
    written, scores, start = [], [], 0
    for part, place in zip(keys, positions, strict=True):
        written.append(writing.into(part, place, slice(start, start + len(place))))
        scores.append(asked @ (written[-1] + place).mT)
        start += len(place)
    return written, scores


def _at_once(places: Tensor) -> int:
    """How many of (P, C) are computed at once."""
    return CPU_PLACES if places.device.type == "cpu" else len(places)


def _split(attention: Attention, projected: Tensor) -> Tensor:
    """(..., H d) -> (..., H, d)."""
    return projected.unflatten(-1, (attention.num_heads, -1))


def _scaled(heads: Tensor) -> Tensor:
    """(..., d), divided by the root of d."""
    return heads / math.sqrt(heads.shape[-1])


def _rows(attention: Attention, projection: nn.Linear) -> Tensor:
    """(H d, C) -> (H, d, C)."""
    return projection.weight.unflatten(0, (attention.num_heads, -1))


def upscaled_masks(
    upscaling: nn.Sequential, image: Sequence[Tensor], kernels: Tensor, size: tuple[int, int]
) -> Tensor:
    """Mask logits at four times the grid.

    Args:
        upscaling: SAM's `output_upscaling`.
        image: parts [(N, p, C)] of P places after the transformer.
        kernels: (N, M, C / 8), one for each mask.
        size: (h, w) of the grid, h w = P.

    Returns:
        (N, M, 4h, 4w).
    """
    parts = [kernels @ _cells(upscaling, part).mT for part in image]  # (N, M, 16 p)
    logits = torch.cat(parts, dim=2).unflatten(2, (*size, 2, 2, 2, 2))
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
