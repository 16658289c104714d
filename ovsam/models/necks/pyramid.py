"""The light feature pyramid under the region head.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 ("CLIP2SAM"); Lin et al., Feature Pyramid
Networks. torchvision's network: lateral 1x1, nearest top-down, 3x3, no norm.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from ovsam.ops.lazy_maps import Convolution, LazyMaps
from ovsam.registry import MODELS

FEW_CHANNELS = 64  # below this width, channels last is faster on a CPU


@MODELS.register_module()
class FeaturePyramid(nn.Module):
    """All levels of an image encoder to `out_channels`, strides unchanged.

    Args:
        in_channels: channels of each level, finest first.
        strides: stride of each level in px; announced to the region head.
        out_channels: channels of every output level.

    Attributes:
        is_fast: on a CPU and without gradients, leave the last convolutions to whoever reads a region.
    """

    def __init__(
        self, *, in_channels: Sequence[int], strides: Sequence[int], out_channels: int = 256
    ) -> None:
        super().__init__()
        self.is_fast = True
        self.strides = tuple(strides)
        self.out_channels = out_channels
        self.network = FeaturePyramidNetwork(list(in_channels), out_channels)
        self.memory_format = torch.contiguous_format
        if out_channels < FEW_CHANNELS:
            self.memory_format = torch.channels_last
            self.network = self.network.to(memory_format=torch.channels_last)

    def forward(self, feature_maps: list[Tensor]) -> Sequence[Tensor]:
        """[(B, C_l, h_l, w_l)] -> [(B, out_channels, h_l, w_l)], finest first, maybe `LazyMaps`."""
        levels = [features.contiguous(memory_format=self.memory_format) for features in feature_maps]
        if self._may_wait(levels):
            last = [_without_padding(block[0]) for block in self.network.layer_blocks]
            return LazyMaps(self._merged(levels), last)
        named = OrderedDict((str(level), features) for level, features in enumerate(levels))
        return list(self.network(named).values())

    def _may_wait(self, levels: list[Tensor]) -> bool:
        """Whether the last convolutions may be left for later."""
        if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or not self.is_fast:
            return False
        if levels[0].device.type != "cpu":
            return False
        is_traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
        return not (is_traced or torch.compiler.is_exporting())

    def _merged(self, levels: list[Tensor]) -> list[Tensor]:
        """As torchvision's network before its last convolutions."""
        merged = [block(level) for block, level in zip(self.network.inner_blocks, levels, strict=True)]
        for finer, coarser in zip(reversed(merged[:-1]), reversed(merged[1:]), strict=True):
            finer += F.interpolate(coarser, size=finer.shape[-2:], mode="nearest")
        return merged


def _without_padding(convolution: nn.Conv2d) -> Convolution:
    return lambda maps: F.conv2d(maps, convolution.weight, convolution.bias)
