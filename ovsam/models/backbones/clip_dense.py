"""CLIP as a dense encoder: a vector of the joint embedding for every patch and for every text.

Source: Cho et al., CAT-Seg, section 3.1 and its released code; the value path of the last block is
that of Zhou et al., MaskCLIP, section 3.2. Differs from MaskCLIP in that the class token's residual is
added to every token.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from open_clip.transformer import ResidualAttentionBlock
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.backbones.clip_specs import VitTower, clip_spec
from ovsam.models.backbones.clip_vit import ResNetStem, build_vit
from ovsam.models.checkpointing import checkpointed
from ovsam.models.freezing import freeze
from ovsam.models.text.clip_text import build_text_tower
from ovsam.models.text.tokenizers import tokenize
from ovsam.ops.windows import resize
from ovsam.registry import MODELS

LOGIT_SCALE = math.log(100)  # the end value of CLIP's own scale
TEXT_CHUNK = 128  # sentences at once


@dataclass(frozen=True)
class DenseFeatures:
    """What the dense image tower returns; tokens have the class token first."""

    tokens: Tensor  # (B, 1 + h w, D) joint embedding, not normalised
    tap_tokens: tuple[Tensor, ...]  # outputs of intermediate blocks, (B, 1 + h w, C) each
    grid: tuple[int, int]  # (h, w)

    @property
    def map(self) -> Tensor:
        """(B, D, h, w)."""
        return _as_map(self.tokens, self.grid)

    @property
    def taps(self) -> list[Tensor]:
        """(B, C, h, w) each."""
        return [_as_map(tokens, self.grid) for tokens in self.tap_tokens]


class SplitAttention(nn.Module):
    """`attention` with separate weights of queries, keys and values, so that some can be trained."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        weights = attention.in_proj_weight.detach().chunk(3)  # (3 C, C) -> 3 x (C, C)
        self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = (
            nn.Parameter(weight.clone()) for weight in weights
        )
        self.in_proj_bias = attention.in_proj_bias
        self.out_proj = attention.out_proj

    def forward(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """open_clip's call: (B, L, C) x 3, additive mask (L, L) -> ((B, L, C), None)."""
        projected = [
            F.linear(tokens, weight, bias).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for tokens, weight, bias in zip(
                (queries, keys, values), self._weights(), self.in_proj_bias.chunk(3), strict=True
            )
        ]  # (B, L, C) -> (B, heads, L, d)
        mask = None if attn_mask is None else attn_mask.to(projected[0].dtype)  # differs under autocast
        mixed = F.scaled_dot_product_attention(*projected, attn_mask=mask)
        return self.out_proj(mixed.transpose(1, 2).flatten(2)), None  # (B, heads, L, d) -> (B, L, C)

    def project(self, tokens: Tensor, which: int) -> Tensor:
        """Queries (0), keys (1) or values (2) of every token through the output layer, unmixed."""
        bias = self.in_proj_bias.chunk(3)[which]
        return self.out_proj(F.linear(tokens, self._weights()[which], bias))

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight


@MODELS.register_module()
class DenseClip(nn.Module):
    """CLIP with a ViT, read patch by patch.

    The towers are open_clip's, kept as `visual` and `text`, with split attention weights: a CLIP state
    dict loads strictly into them after `conversion_catseg.split_projections`.

    Args:
        architecture: name in `CLIP_SPECS` with a ViT.
        image_size: side in px that images are resized to; positions are resized to its grid.
        taps: numbers (from 0) of blocks whose output is returned in addition to the last one's.
        trained: names of the parameters of every attention layer that are trained; the rest is frozen.
        checkpoints: recompute each block in the backward pass instead of keeping its activations.

    Attributes:
        embed_dim: D, width of the joint embedding.
        out_channels: channels of each tap.
        grid: (h, w) of the patches.
        mean, std: RGB, 0..255, of CLIP's own normalisation.
        is_fast: leave out queries and keys of the last block, which nothing reads. The released code
            computes and drops them, and published counts include them (`benchmark.complexity`).

    Raises:
        ValueError: an architecture without a ViT, a size that is no multiple of the patch, a tap that
            is no block before the last, or a name in `trained` that is no parameter.
    """

    def __init__(
        self,
        *,
        architecture: str,
        image_size: int,
        taps: Sequence[int] = (),
        trained: Sequence[str] = ("q_proj_weight", "v_proj_weight"),
        checkpoints: bool = False,
    ) -> None:
        super().__init__()
        spec = clip_spec(architecture)
        if not isinstance(spec.vision, VitTower):
            raise ValueError(f"dense features need a ViT, {architecture!r} has none")
        tower = spec.vision
        if image_size % tower.patch_size:
            raise ValueError(
                f"image size must be a multiple of {tower.patch_size} (the patch), got {image_size}"
            )
        if any(not 0 <= tap < tower.layers - 1 for tap in taps):
            raise ValueError(f"taps must be blocks 0 to {tower.layers - 2}, got {tuple(taps)}")
        self.architecture = architecture
        self.image_size = image_size
        self.tap_blocks = tuple(taps)
        self.checkpoints = checkpoints
        self.is_fast = True
        self.embed_dim = spec.embed_dim
        self.out_channels = tuple(tower.width for _ in taps)
        self.grid = (image_size // tower.patch_size,) * 2
        self.mean, self.std = spec.mean, spec.std
        self.text_tower = spec.text
        self.visual = build_vit(spec)
        self.text = build_text_tower(spec)
        # A part of CLIP's weights that is not used: dense features are compared by the bare cosine.
        self.logit_scale = nn.Parameter(torch.tensor(LOGIT_SCALE))
        self.requires_grad_(False)
        for block in [*self.visual.transformer.resblocks, *self.text.transformer.resblocks]:
            block.attn = SplitAttention(block.attn).requires_grad_(False)
            own = dict(block.attn.named_parameters())
            unknown = sorted(set(trained) - set(own))
            if unknown:
                raise ValueError(f"attention has no parameters {unknown}, only {sorted(own)}")
            for name in trained:
                own[name].requires_grad_(True)

    def forward(self, images: Tensor) -> DenseFeatures:
        """(B, 3, S, S) normalised, any S -> dense features of the images resized to `image_size`."""
        images = resize(images, (self.image_size, self.image_size))
        patches = self.visual.conv1(images).flatten(2).transpose(1, 2)  # (B, C, h, w) -> (B, hw, C)
        first = self.visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        tokens = self.visual.ln_pre(torch.cat([first, patches], dim=1) + self.positions())
        taps: dict[int, Tensor] = {}
        blocks = self.visual.transformer.resblocks
        for number, block in enumerate(blocks[:-1]):
            tokens = checkpointed(block, tokens, when=self.checkpoints)
            if number in self.tap_blocks:
                taps[number] = tokens
        tokens = self.visual.ln_post(self._value_path(blocks[-1], tokens)) @ self.visual.proj
        return DenseFeatures(tokens, tuple(taps[number] for number in self.tap_blocks), self.grid)

    def train_images_only(self) -> None:
        """Train the image tower but for the ResNet in its stem, and nothing else."""
        self.requires_grad_(False)
        self.visual.requires_grad_(True)
        if isinstance(self.visual.conv1, ResNetStem):
            freeze(self.visual.conv1.trunk)

    def positions(self) -> Tensor:
        """Position table for the grid of `image_size`, (1 + h w, C); CLIP's own where it fits."""
        table = self.visual.positional_embedding
        if len(table) == 1 + self.grid[0] * self.grid[1]:
            return table
        grid = table[1:].t().unflatten(1, tuple(self.visual.grid_size))[None]  # (g g, C) -> (1, C, g, g)
        grid = F.interpolate(grid.float(), size=self.grid, mode="bicubic", align_corners=False)
        return torch.cat([table[:1], grid[0].flatten(1).t().to(table.dtype)])

    def encode_text(self, sentences: Sequence[str]) -> Tensor:
        """L sentences, at least one -> (L, D), not normalised; with gradient if the tower is trained."""
        return self.encode_token_ids(tokenize(sentences, self.text_tower))

    def encode_token_ids(self, token_ids: Tensor) -> Tensor:
        """(L, T) int64 -> (L, D), not normalised."""
        token_ids = token_ids.to(self.text.positional_embedding.device)
        return torch.cat([self._encode_ids(chunk) for chunk in token_ids.split(TEXT_CHUNK)])

    def _encode_ids(self, token_ids: Tensor) -> Tensor:
        tokens = self.text.token_embedding(token_ids) + self.text.positional_embedding
        for block in self.text.transformer.resblocks:
            mask = self.text.attn_mask
            tokens = checkpointed(block, tokens, attn_mask=mask, when=self.checkpoints)
        ends = token_ids.argmax(dim=-1)  # the end token has the highest id
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.text.ln_final(tokens)[rows, ends] @ self.text.text_projection

    def _value_path(self, block: ResidualAttentionBlock, tokens: Tensor) -> Tensor:
        """The last block without attention, the class token's residual added to every token."""
        normed = block.ln_1(tokens)
        if not self.is_fast:
            block.attn.project(normed, 0), block.attn.project(normed, 1)
        tokens = block.attn.project(normed, 2) + tokens[:, :1]
        return tokens + block.mlp(block.ln_2(tokens))


def _as_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """(B, 1 + h w, C), class token first -> (B, C, h, w)."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, grid)
