"""CAT-Seg's cost aggregation: over space inside each class, then over the classes of each place.

Source: Cho et al., CAT-Seg, section 3.3 and its released code; windows as in Liu et al., Swin
Transformer, section 3.2. Differs from Swin in that there is no relative position bias, and that only
queries and keys read a guidance.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.checkpointing import checkpointed
from ovsam.ops.attention import join_windows, linear_attention, shifted_window_mask, split_windows
from ovsam.registry import MODELS


def mlp(channels: int, activation: nn.Module, ratio: int = 4) -> nn.Sequential:
    """Two linear layers, C -> `ratio` C -> C."""
    hidden = ratio * channels
    return nn.Sequential(nn.Linear(channels, hidden), activation, nn.Linear(hidden, channels))


class GuidedProjections(nn.Module):
    """Queries and keys of tokens joined with a guidance, values of tokens alone; in heads."""

    def __init__(self, *, channels: int, guidance_channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(channels + guidance_channels, channels)
        self.key = nn.Linear(channels + guidance_channels, channels)
        self.value = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, guidance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., L, C) and (..., L, G) -> three of (..., L, heads, C / heads)."""
        guided = torch.cat([tokens, guidance], dim=-1)
        projected = (self.query(guided), self.key(guided), self.value(tokens))
        query, key, value = (p.unflatten(-1, (self.num_heads, -1)) for p in projected)
        return query, key, value


class WindowBlock(nn.Module):
    """A Swin block over the `grid` (h, w) of each class; `window` and `shift` are in tokens."""

    def __init__(
        self,
        *,
        channels: int,
        guidance_channels: int,
        grid: tuple[int, int],
        window: int,
        shift: int,
        num_heads: int,
    ) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attention = GuidedProjections(
            channels=channels, guidance_channels=guidance_channels, num_heads=num_heads
        )
        self.projection = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = mlp(channels, nn.GELU())
        mask = shifted_window_mask(grid, window, shift) if shift else None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens: Tensor, guidance: Tensor) -> Tensor:
        """(N, h, w, C) and (N, h, w, G), normalised -> (N, h, w, C)."""
        normed = split_windows(self.norm1(tokens), self.window, self.shift)  # (N, W, n, C)
        guide = split_windows(guidance, self.window, self.shift)
        mixed = self.projection(self._attend(normed, guide))
        tokens = tokens + join_windows(mixed, (tokens.shape[1], tokens.shape[2]), self.shift)
        return tokens + self.mlp(self.norm2(tokens))

    def _attend(self, tokens: Tensor, guidance: Tensor) -> Tensor:
        """(N, W, n, C) -> (N, W, n, C)."""
        query, key, value = (p.transpose(2, 3) for p in self.attention(tokens, guidance))
        mask = None if self.mask is None else self.mask[:, None].to(query.dtype)  # (W, 1, n, n)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(2, 3).flatten(3)  # (N, W, heads, n, d) -> (N, W, n, C)


class WindowPair(nn.Module):
    """Two window blocks, the second on a shifted grid, with one norm of the guidance for both."""

    def __init__(self, *, guidance_channels: int, window: int, **options: Any) -> None:
        super().__init__()
        self.guidance_norm = nn.LayerNorm(guidance_channels)
        self.blocks = nn.ModuleList(
            WindowBlock(guidance_channels=guidance_channels, window=window, shift=shift, **options)
            for shift in (0, window // 2)
        )

    def forward(self, tokens: Tensor, guidance: Tensor) -> Tensor:
        """(B, T, h, w, C) and (B, h, w, G), the same for every class -> (B, T, h, w, C)."""
        batch, classes = tokens.shape[:2]
        normed = self.guidance_norm(guidance)  # once per image: it is the same for every class
        normed = normed[:, None].expand(-1, classes, -1, -1, -1).flatten(0, 1)
        tokens = tokens.flatten(0, 1)  # (B, T, h, w, C) -> (B T, h, w, C)
        for block in self.blocks:
            tokens = block(tokens, normed)
        return tokens.unflatten(0, (batch, classes))


class ClassLayer(nn.Module):
    """Linear attention over the classes of each place.

    Fewer than `num_tokens` classes are filled up with a learned token. It is not masked, so the number
    of classes has little influence on the sums.

    Attributes:
        is_fast: project the padding only once: it is the same in every place and dropped afterwards.
            False projects it everywhere, as the released code and published counts do
            (`benchmark.complexity`).
    """

    def __init__(
        self, *, channels: int, guidance_channels: int, num_heads: int, num_tokens: int = 256
    ) -> None:
        super().__init__()
        self.is_fast = True
        self.num_tokens = num_tokens
        self.padding_token = nn.Parameter(torch.zeros(1, channels))
        self.padding_guidance = nn.Parameter(torch.zeros(1, guidance_channels))
        self.norm1 = nn.LayerNorm(channels)
        self.attention = GuidedProjections(
            channels=channels, guidance_channels=guidance_channels, num_heads=num_heads
        )
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = mlp(channels, nn.ReLU())

    def forward(self, tokens: Tensor, guidance: Tensor) -> Tensor:
        """(B, T, h, w, C) and (B or 1, T, G), the same for every place -> (B, T, h, w, C)."""
        grid = tokens.shape[2:4]
        places = tokens.flatten(2, 3).transpose(1, 2)  # (B, T, h, w, C) -> (B, P, T, C)
        missing = max(self.num_tokens - places.shape[2], 0)
        if self.is_fast:
            mixed = self._mix(places, guidance, missing)
        else:
            padding = self.padding_token.expand(*places.shape[:2], missing, -1)
            extra = self.padding_guidance.expand(len(guidance), missing, -1)
            padded = torch.cat([places, padding], dim=2)
            mixed = self._mix(padded, torch.cat([guidance, extra], dim=1), 0)[:, :, : places.shape[2]]
        return mixed.transpose(1, 2).unflatten(2, grid)  # (B, P, T, C) -> (B, T, h, w, C)

    def _mix(self, places: Tensor, guidance: Tensor, missing: int) -> Tensor:
        """(B, P, S, C) and (B or 1, S, G) -> (B, P, S, C), mixed with `missing` padding tokens."""
        guide = guidance[:, None].expand(len(places), places.shape[1], -1, -1)
        query, key, value = self.attention(self.norm1(places), guide)
        constant = None
        if missing:
            padding = self.norm1(self.padding_token)
            _, pad_key, pad_value = self.attention(padding, self.padding_guidance)  # (1, heads, d)
            constant = (pad_key[0], pad_value[0], missing)
        places = places + linear_attention(query, key, value, constant).flatten(3)
        return places + self.mlp(self.norm2(places))


class AggregationLayer(nn.Module):
    """Windows over space, then classes on the pooled grid."""

    def __init__(self, *, windows: nn.Module, classes: nn.Module) -> None:
        super().__init__()
        self.windows = windows
        self.classes = classes

    def forward(
        self, tokens: Tensor, image_guidance: Tensor, text_guidance: Tensor, pooling: int, chunk: int
    ) -> Tensor:
        """(B, T, h, w, C), (B, h, w, G), (B or 1, T, G) -> (B, T, h, w, C).

        `pooling`: side in tokens of the cells that the class layer sees. `chunk`: classes mixed over
        space at once, 0 = all; the result does not depend on it.
        """
        parts = tokens.split(chunk, dim=1) if chunk else (tokens,)
        tokens = torch.cat([self.windows(part, image_guidance) for part in parts], dim=1)
        # What the class layer returns already holds its input, so tokens enter twice, as released.
        return tokens + _unpooled(
            self.classes(_pooled(tokens, pooling), text_guidance), tokens.shape[2:4]
        )


@MODELS.register_module()
class CostAggregator(nn.Module):
    """Embedded correlation to refined embeddings, guided by image and text features.

    Args:
        embed_dim: D of image and text features.
        channels: C of the embedded correlation.
        guidance_channels: G that both features are projected to.
        depth: layers.
        grid, window, num_heads, num_tokens: see `WindowBlock` and `ClassLayer`.
        train_pooling, test_pooling: side in tokens of the cells that the class layers see.
        chunk_size: classes mixed over space at once in prediction; 0 = all.
        checkpoints: recompute each layer in the backward pass instead of keeping its activations.
    """

    def __init__(
        self,
        *,
        embed_dim: int,
        grid: tuple[int, int],
        channels: int = 128,
        guidance_channels: int = 128,
        depth: int = 2,
        window: int = 12,
        num_heads: int = 4,
        num_tokens: int = 256,
        train_pooling: int = 2,
        test_pooling: int = 1,
        chunk_size: int = 0,
        checkpoints: bool = False,
    ) -> None:
        super().__init__()
        self.train_pooling, self.test_pooling = train_pooling, test_pooling
        self.chunk_size = chunk_size
        self.checkpoints = checkpoints
        self.image_guidance = nn.Sequential(
            nn.Conv2d(embed_dim, guidance_channels, kernel_size=3, padding=1), nn.ReLU()
        )
        self.text_guidance = nn.Sequential(nn.Linear(embed_dim, guidance_channels), nn.ReLU())
        sizes = dict(channels=channels, guidance_channels=guidance_channels, num_heads=num_heads)
        self.layers = nn.ModuleList(
            AggregationLayer(
                windows=WindowPair(grid=tuple(grid), window=window, **sizes),
                classes=ClassLayer(num_tokens=num_tokens, **sizes),
            )
            for _ in range(depth)
        )

    def forward(self, tokens: Tensor, features: Tensor, texts: Tensor) -> Tensor:
        """(B, T, h, w, C), not normalised (B, D, h, w), unit (B or 1, T, D) -> (B, T, h, w, C)."""
        image_guidance = self.image_guidance(features).permute(0, 2, 3, 1)  # -> (B, h, w, G)
        text_guidance = self.text_guidance(texts)
        pooling = self.train_pooling if self.training else self.test_pooling
        chunk = 0 if self.training else self.chunk_size
        for layer in self.layers:
            arguments = (tokens, image_guidance, text_guidance, pooling, chunk)
            tokens = checkpointed(layer, *arguments, when=self.checkpoints)
        return tokens


def _pooled(tokens: Tensor, side: int) -> Tensor:
    """Mean over cells of `side` x `side` tokens: (B, T, h, w, C) -> (B, T, h / side, w / side, C)."""
    if side == 1:
        return tokens
    maps = F.avg_pool2d(tokens.flatten(0, 1).permute(0, 3, 1, 2), side)  # (B T, C, h / side, w / side)
    return maps.permute(0, 2, 3, 1).unflatten(0, tokens.shape[:2])


def _unpooled(tokens: Tensor, grid: torch.Size) -> Tensor:
    """The pooled grid stretched over the whole, corners on corners, as released."""
    if tokens.shape[2:4] == grid:
        return tokens
    maps = tokens.flatten(0, 1).permute(0, 3, 1, 2)  # (B, T, h, w, C) -> (B T, C, h, w)
    maps = F.interpolate(maps, size=tuple(grid), mode="bilinear", align_corners=True)
    return maps.permute(0, 2, 3, 1).unflatten(0, tokens.shape[:2])
