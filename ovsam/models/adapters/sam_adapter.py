"""Adapter3: convolutions along SAM's image encoder.

Source: the row "Feature-Crop + Adapter3" of Open-Vocabulary SAM's main table. **The definition is
ours**, see `clip_adapter`; the published cost over Feature-Crop is 4 M parameters and 35 G
multiply-adds. Ours takes ViT-Adapter's convolutional stem on the image (Chen et al., Vision Transformer
Adapter for Dense Predictions, section 3.3, "Spatial Prior Module": 23.5 G at 1024 px) and bottlenecks
after the blocks with global attention. The widths meet that budget (4.0 M, 35.6 G with
`RegionResidual`).
"""

from collections.abc import Sequence

from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, nn

from ovsam.models.adapters.bottleneck import ConvBottleneck
from ovsam.registry import MODELS

STEM_STRIDE = 4  # px, of the stem's first part


@MODELS.register_module()
class SamConvAdapter(nn.Module):
    """A convolutional stem added to the first tokens, and bottlenecks of convolutions between blocks.

    All of it starts at zero: before the first step the encoder gives the same as without it.

    Args:
        token_channels: C, channels of the encoder's tokens.
        stride: px, of the tokens; 4 times a power of 2.
        after: blocks of the encoder that a bottleneck follows; the default is ViT-H's global ones.
        width: channels of the bottlenecks' 3x3 convolution.
        stem_width: channels of the stem's first part, doubled at every halving.

    Raises:
        ValueError: another stride.
    """

    def __init__(
        self,
        *,
        token_channels: int,
        stride: int = 16,
        after: Sequence[int] = (7, 15, 23, 31),
        width: int = 176,
        stem_width: int = 64,
    ) -> None:
        super().__init__()
        self.places = {block: place for place, block in enumerate(after)}
        self.stem = _stem(token_channels, stride, stem_width)
        self.blocks = nn.ModuleList(ConvBottleneck(channels=token_channels, width=width) for _ in after)

    def begin(self, images: Tensor, tokens: Tensor) -> Tensor:
        """(B, 3, S, S) and tokens (B, h, w, C) -> tokens (B, h, w, C)."""
        return tokens + self.stem(images).permute(0, 2, 3, 1)  # (B, C, h, w) -> (B, h, w, C)

    def forward(self, features: Tensor, stage: int) -> Tensor:
        """Tokens (B, h, w, C) after block `stage` -> (B, h, w, C)."""
        if stage not in self.places:
            return features
        block = self.blocks[self.places[stage]]
        return block(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (B, h, w, C) both ways


def _stem(channels: int, stride: int, width: int) -> nn.Sequential:
    halvings = (stride // STEM_STRIDE).bit_length() - 1
    if STEM_STRIDE << max(halvings, 0) != stride:
        raise ValueError(f"the stride of the tokens must be 4 times a power of 2, got {stride}")
    layers = [*_conv(3, width, 2), *_conv(width, width, 1), *_conv(width, width, 1)]
    layers.append(nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
    for _ in range(halvings):
        layers += _conv(width, 2 * width, 2)
        width *= 2
    last = nn.Conv2d(width, channels, kernel_size=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def _conv(in_channels: int, out_channels: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
        LayerNorm2d(out_channels),
        nn.GELU(),
    ]
