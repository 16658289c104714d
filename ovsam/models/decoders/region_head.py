"""The region head: one text-space vector per box, from the feature pyramid.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 ("CLIP2SAM").
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.ops.roi import FINEST_SCALE, multilevel_roi_align
from ovsam.registry import MODELS


@MODELS.register_module()
class RegionHead(nn.Module):
    """RoIAlign on the level of the box's size, 1x1 convolution without bias, ReLU, spatial mean.

    Args:
        in_channels: channels of the pyramid.
        strides: strides of the pyramid in px.
        embed_dim: D, width of the text embedding.
        roi_size: side of the RoIAlign grid.
        finest_scale: boxes with sides below twice this (px) are read from the finest level.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        strides: Sequence[int],
        embed_dim: int,
        roi_size: int = 12,
        finest_scale: float = FINEST_SCALE,
    ) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.roi_size = roi_size
        self.finest_scale = finest_scale
        self.projection = nn.Conv2d(in_channels, embed_dim, kernel_size=1, bias=False)

    def forward(self, feature_maps: Sequence[Tensor], boxes: Tensor, image_index: Tensor) -> Tensor:
        """[(B, C, h_l, w_l)], finest first, boxes (N, 4) xyxy px, resized, and images (N,) -> (N, D).

        The vectors are not normalised and nowhere negative; zeros for a box without area.
        """
        regions = multilevel_roi_align(
            feature_maps, self.strides, boxes, image_index, self.roi_size, self.finest_scale
        )
        return F.relu(self.projection(regions)).mean(dim=(2, 3))  # (N, C, r, r) -> (N, D)
