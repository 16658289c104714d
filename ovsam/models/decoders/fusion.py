"""ESC-Net's vision-language fusion: correlation refined by image features, then by the class names.

Source: Lee et al., ESC-Net, section 3.4. The window blocks are those of CAT-Seg.
"""

import torch
from torch import Tensor, nn

from ovsam.models.decoders.aggregator import WindowPair, mlp
from ovsam.ops.attention import linear_attention
from ovsam.registry import MODELS


class TextCrossAttention(nn.Module):
    """Linear attention from the correlation at each place to the text features of all classes.

    There is no position embedding, so the order of the classes does not matter. The classes that ask do
    not see each other, so they may be computed in parts.
    """

    def __init__(self, *, embed_dim: int, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.text = nn.Sequential(nn.Linear(embed_dim, channels), nn.LayerNorm(channels))
        self.norm1 = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = mlp(channels, nn.ReLU())

    def forward(self, tokens: Tensor, texts: Tensor) -> Tensor:
        """(B, t, h, w, C) of some classes and (T, D) of all -> (B, t, h, w, C)."""
        rows = self.text(texts)  # (T, C)
        key, value = (p.unflatten(-1, (self.num_heads, -1)) for p in (self.key(rows), self.value(rows)))
        query = self.query(self.norm1(tokens)).unflatten(-1, (self.num_heads, -1))
        mixed = linear_attention(query.flatten(0, -3), key, value)  # (B t h w, heads, d)
        tokens = tokens + mixed.flatten(1).unflatten(0, tokens.shape[:-1])
        return tokens + self.mlp(self.norm2(tokens))


@MODELS.register_module()
class VisionLanguageFusion(nn.Module):
    """Window blocks over space with the image as guidance, then cross-attention to the class names.

    Args:
        embed_dim: D of image and text features.
        grid: (h, w) of the tokens.
        channels: C of the embedded correlation.
        guidance_channels: what the image features are projected to.
        window, num_heads: see `WindowBlock`.
    """

    def __init__(
        self,
        *,
        embed_dim: int,
        grid: tuple[int, int],
        channels: int = 64,
        guidance_channels: int = 64,
        window: int = 12,
        num_heads: int = 4,
    ) -> None:
        super().__init__()
        self.image_guidance = nn.Sequential(
            nn.Conv2d(embed_dim, guidance_channels, kernel_size=3, padding=1), nn.ReLU()
        )
        self.windows = WindowPair(
            channels=channels,
            guidance_channels=guidance_channels,
            grid=tuple(grid),
            window=window,
            num_heads=num_heads,
        )
        self.names = TextCrossAttention(embed_dim=embed_dim, channels=channels, num_heads=num_heads)

    def forward(self, tokens: Tensor, features: Tensor, texts: Tensor, chunk: int = 0) -> Tensor:
        """(B, T, h, w, C), (B, D, h, w), (T, D) of unit length -> (B, T, h, w, C).

        `chunk`: classes at once, 0 = all; the result does not depend on it.
        """
        guidance = self.image_guidance(features).permute(0, 2, 3, 1)  # (B, G, h, w) -> (B, h, w, G)
        parts = tokens.split(chunk, dim=1) if chunk else (tokens,)
        return torch.cat([self.names(self.windows(part, guidance), texts) for part in parts], dim=1)
