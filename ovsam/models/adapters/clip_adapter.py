"""Adapter2: convolutions along CLIP's stages.

Source: the row "Feature-Crop + Adapter2" of Open-Vocabulary SAM's main table. **The definition is
ours**: the paper only says that it is one of "several convolution-based adapters" in the manner of
ViT-Adapter along CLIP or SAM, and what it costs over Feature-Crop: 20 M parameters and 45 G
multiply-adds. The widths below are chosen to meet that budget (20.1 M, 45.7 G).
"""

from collections.abc import Sequence

from torch import Tensor, nn

from ovsam.models.adapters.bottleneck import ConvBottleneck
from ovsam.registry import MODELS

#: A quarter of RN50x16's channels, as its own bottlenecks have, but less on the second map, and more on
#: the last because it is classified.
WIDTHS = (96, 160, 384, 1072)


@MODELS.register_module()
class ClipConvAdapter(nn.Module):
    """A bottleneck of convolutions after every stage of a frozen ResNet, read by the next stage.

    Args:
        in_channels: channels of each stage.
        widths: channels of each stage's 3x3 convolution.

    Raises:
        ValueError: not one width per stage.
    """

    def __init__(self, *, in_channels: Sequence[int], widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        if len(in_channels) != len(widths):
            raise ValueError(f"expected {len(in_channels)} widths, one per stage, got {len(widths)}")
        self.blocks = nn.ModuleList(
            ConvBottleneck(channels=channels, width=width)
            for channels, width in zip(in_channels, widths, strict=True)
        )

    def forward(self, features: Tensor, stage: int) -> Tensor:
        """(B, C_l, h_l, w_l) of stage l -> (B, C_l, h_l, w_l)."""
        return self.blocks[stage](features)
