"""ESC-Net's decoder: class by class from the grid to four times its size, with CLIP's taps.

Source: Lee et al., ESC-Net, section 3.5. Widths are those of CAT-Seg's decoder.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.decoders.catseg_decoder import convolution
from ovsam.registry import MODELS


@MODELS.register_module()
class TapUpsampler(nn.Module):
    """Twice: bilinear to double size, joined with a tap, one convolution. Then a head.

    Args:
        in_channels: channels of the two taps.
        channels: C of the embedding.
        tap_channels: what the taps are projected to.
        out_channels: channels after each stage.
        chunk_size: classes decoded at once in prediction; 0 = all.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        channels: int = 64,
        tap_channels: Sequence[int] = (32, 16),
        out_channels: Sequence[int] = (64, 32),
        chunk_size: int = 32,
    ) -> None:
        super().__init__()
        self.chunk_size = chunk_size
        self.taps = nn.ModuleList(
            nn.Conv2d(wide, narrow, kernel_size=1)
            for wide, narrow in zip(in_channels, tap_channels, strict=True)
        )
        widths = (channels, *out_channels[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(*convolution(before + tap, after))
            for before, tap, after in zip(widths, tap_channels, out_channels, strict=True)
        )
        self.head = nn.Conv2d(out_channels[-1], 1, kernel_size=3, padding=1)

    def forward(self, tokens: Tensor, taps: Sequence[Tensor]) -> Tensor:
        """(B, T, h, w, C) and two taps (B, C_l, h, w) -> logits (B, T, 4h, 4w)."""
        guidance = [
            F.interpolate(project(tap), scale_factor=2 ** (i + 1), mode="bilinear", align_corners=False)
            for i, (project, tap) in enumerate(zip(self.taps, taps, strict=True))
        ]
        chunk = tokens.shape[1] if self.training or not self.chunk_size else self.chunk_size
        return torch.cat([self._decode(part, guidance) for part in tokens.split(chunk, dim=1)], dim=1)

    def _decode(self, tokens: Tensor, guidance: list[Tensor]) -> Tensor:
        features = tokens.flatten(0, 1).permute(0, 3, 1, 2)  # (B, t, h, w, C) -> (B t, C, h, w)
        for stage, guide in zip(self.stages, guidance, strict=True):
            features = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            guide = guide.repeat_interleave(tokens.shape[1], dim=0)
            features = stage(torch.cat([features, guide], dim=1))
        return self.head(features)[:, 0].unflatten(0, tokens.shape[:2])
