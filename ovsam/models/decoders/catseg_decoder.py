"""CAT-Seg's decoder: class by class from the token grid to four times its size.

Source: Cho et al., CAT-Seg, section 3.4 and its released code.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ovsam.models.checkpointing import checkpointed
from ovsam.registry import MODELS

GROUP_WIDTH = 16  # channels of a group of GroupNorm


def convolution(in_channels: int, out_channels: int) -> list[nn.Module]:
    """3x3 convolution, GroupNorm and ReLU."""
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.GroupNorm(max(out_channels // GROUP_WIDTH, 1), out_channels),
        nn.ReLU(),
    ]


class UpStage(nn.Module):
    """Features at twice the size, joined with a guidance, through two convolutions."""

    def __init__(self, *, in_channels: int, guidance_channels: int, out_channels: int) -> None:
        super().__init__()
        up_channels = in_channels - guidance_channels
        self.up = nn.ConvTranspose2d(in_channels, up_channels, kernel_size=2, stride=2)
        self.convolutions = nn.Sequential(
            *convolution(in_channels, out_channels), *convolution(out_channels, out_channels)
        )

    def forward(self, features: Tensor, guidance: Tensor) -> Tensor:
        """(B T, C, h, w) and (B, G, 2h, 2w), shared by an image's classes -> (B T, C', 2h, 2w)."""
        guidance = guidance.repeat_interleave(len(features) // len(guidance), dim=0)
        return self.convolutions(torch.cat([self.up(features), guidance], dim=1))


@MODELS.register_module()
class GuidedUpsampler(nn.Module):
    """Embeddings per class to one logit per class at four times the grid, guided by CLIP's taps.

    Args:
        in_channels: channels of the two taps, coarse guidance first.
        channels: C of the embeddings.
        tap_channels: channels of the taps at twice and at four times the grid.
        guidance_channels: what these are projected to.
        out_channels: channels after each stage.
        chunk_size: classes decoded at once in prediction; 0 = all.
        checkpoints: recompute everything in the backward pass instead of keeping activations.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        channels: int = 128,
        tap_channels: Sequence[int] = (256, 128),
        guidance_channels: Sequence[int] = (32, 16),
        out_channels: Sequence[int] = (64, 32),
        chunk_size: int = 0,
        checkpoints: bool = False,
    ) -> None:
        super().__init__()
        self.chunk_size = chunk_size
        self.checkpoints = checkpoints
        self.tap_upsamplers = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, kernel_size=scale, stride=scale)
            for wide, narrow, scale in zip(in_channels, tap_channels, (2, 4), strict=True)
        )
        self.guidance = nn.ModuleList(
            nn.Sequential(nn.Conv2d(wide, narrow, kernel_size=3, padding=1), nn.ReLU())
            for wide, narrow in zip(tap_channels, guidance_channels, strict=True)
        )
        self.stages = nn.ModuleList(
            UpStage(in_channels=wide, guidance_channels=guide, out_channels=narrow)
            for wide, guide, narrow in zip(
                (channels, out_channels[0]), guidance_channels, out_channels, strict=True
            )
        )
        self.head = nn.Conv2d(out_channels[-1], 1, kernel_size=3, padding=1)

    def forward(self, tokens: Tensor, taps: Sequence[Tensor]) -> Tensor:
        """(B, T, h, w, C) and two taps (B, C_l, h, w) -> logits (B, T, 4h, 4w)."""
        guidance = [
            project(upsample(tap))
            for project, upsample, tap in zip(self.guidance, self.tap_upsamplers, taps, strict=True)
        ]
        if self.training or not self.chunk_size:
            return checkpointed(self._decode, tokens, *guidance, when=self.checkpoints)
        chunks = tokens.split(self.chunk_size, dim=1)
        return torch.cat([self._decode(chunk, *guidance) for chunk in chunks], dim=1)

    def _decode(self, tokens: Tensor, *guidance: Tensor) -> Tensor:
        features = tokens.flatten(0, 1).permute(0, 3, 1, 2)  # (B, T, h, w, C) -> (B T, C, h, w)
        for stage, guide in zip(self.stages, guidance, strict=True):
            features = stage(features, guide)
        return self.head(features)[:, 0].unflatten(0, tokens.shape[:2])  # -> (B, T, 4h, 4w)
