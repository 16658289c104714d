"""What SAM's adapted embedding adds to CLIP's vector of a region (Adapter3).

Source: see `sam_adapter`; the definition is ours. Without it, convolutions along SAM could not change
the label of a box prompt.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.ops.roi import aligned_regions
from ovsam.registry import MODELS


@MODELS.register_module()
class RegionResidual(nn.Module):
    """RoIAlign, 1x1 convolution, ReLU, spatial mean, linear layer; starts at zero.

    Args:
        in_channels: C, channels of SAM's image embedding.
        embed_dim: D, width of the text embedding.
        roi_size: side of the RoIAlign grid.
    """

    def __init__(self, *, in_channels: int, embed_dim: int, roi_size: int = 12) -> None:
        super().__init__()
        self.roi_size = roi_size
        self.hidden = nn.Conv2d(in_channels, in_channels, kernel_size=1)
        self.projection = nn.Linear(in_channels, embed_dim)
        nn.init.zeros_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)

    def forward(self, embeddings: Tensor, stride: float, boxes: Tensor, image_index: Tensor) -> Tensor:
        """SAM's (B, C, h, w), its stride in px, boxes (N, 4) xyxy px, their images (N,) -> (N, D)."""
        regions = aligned_regions(embeddings, boxes, image_index, self.roi_size, stride)  # (N, C, r, r)
        hidden = F.relu(self.hidden(regions.to(embeddings.dtype))).mean(dim=(2, 3))  # (N, C)
        return self.projection(hidden)
