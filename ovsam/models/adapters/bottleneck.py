"""The block that both convolutional adapters repeat."""

from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, nn


class ConvBottleneck(nn.Module):
    """1x1, 3x3 (of `width` channels) and 1x1 convolution, added to what came in.

    The last convolution starts at zero: before the first step the block changes nothing.
    """

    def __init__(self, *, channels: int, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, channels, kernel_size=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=1, bias=False),
            LayerNorm2d(width),
            nn.GELU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(width),
            nn.GELU(),
            last,
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w)."""
        return features + self.layers(features)
