"""The light feature pyramid under the region head.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 ("CLIP2SAM"); Lin et al., Feature Pyramid
Networks. torchvision's network: lateral 1x1, nearest top-down, 3x3, no norm.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork

from ovsam.registry import MODELS

FEW_CHANNELS = 64  # below this width, channels last is faster on a CPU


@MODELS.register_module()
class FeaturePyramid(nn.Module):
    """All levels of an image encoder to `out_channels`, strides unchanged.

    Args:
        in_channels: channels of each level, finest first.
        strides: stride of each level in px; announced to the region head.
        out_channels: channels of every output level.
    """

    def __init__(
        self, *, in_channels: Sequence[int], strides: Sequence[int], out_channels: int = 256
    ) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.out_channels = out_channels
        self.network = FeaturePyramidNetwork(list(in_channels), out_channels)
        self.memory_format = torch.contiguous_format
        if out_channels < FEW_CHANNELS:
            self.memory_format = torch.channels_last
            self.network = self.network.to(memory_format=torch.channels_last)

    def forward(self, feature_maps: list[Tensor]) -> list[Tensor]:
        """[(B, C_l, h_l, w_l)] -> [(B, out_channels, h_l, w_l)], finest first."""
        levels = [features.contiguous(memory_format=self.memory_format) for features in feature_maps]
        named = OrderedDict((str(level), features) for level, features in enumerate(levels))
        return list(self.network(named).values())
