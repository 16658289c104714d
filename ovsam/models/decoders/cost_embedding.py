"""The embedding of image-text correlation maps."""

from torch import Tensor, nn

from ovsam.registry import MODELS


@MODELS.register_module()
class CostEmbedding(nn.Module):
    """The correlation map of each class, embedded by one convolution that all classes share.

    Source: Cho et al., CAT-Seg, section 3.2.

    Args:
        channels: C of the embedding.
        kernel_size: side of the convolution; odd.
    """

    def __init__(self, *, channels: int = 128, kernel_size: int = 7) -> None:
        super().__init__()
        self.channels = channels
        self.projection = nn.Conv2d(1, channels, kernel_size, padding=kernel_size // 2)

    def forward(self, correlation: Tensor) -> Tensor:
        """(B, T, h, w) -> (B, T, h, w, C)."""
        embedded = self.projection(correlation.flatten(0, 1)[:, None])  # (B T, C, h, w)
        return embedded.permute(0, 2, 3, 1).unflatten(0, correlation.shape[:2])
