"""The necks that the ablations compare with SAM2CLIP: one level only, and convolutions only.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left ("single-scale" and the text around it). The
paper does not define a convolutional neck; ours is residual 3x3 convolutions in place of the blocks.
"""

from collections.abc import Sequence
from typing import Any

from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.backbones.sam_block import run_neck
from ovsam.models.necks.sam2clip import Sam2ClipNeck, level_projection, sam_neck
from ovsam.registry import MODELS, passes_options_to


@MODELS.register_module()
@passes_options_to(Sam2ClipNeck)
class SingleLevelNeck(nn.Module):
    """`Sam2ClipNeck` on one level of the encoder.

    A level whose stride neither divides the target stride nor is a multiple of it (ViT-L/14: 14 px) is
    resized bilinearly to the embedding's grid and goes through a 1x1 convolution. No source says how the
    paper's ViT-L-14 row does it.

    Args:
        in_channels, strides: channels, and stride in px, of each level of the encoder.
        level: the level that is read; -1 = the coarsest.
        target_stride: stride of the image embedding in px.
        options: the others of `Sam2ClipNeck`.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        strides: Sequence[int],
        level: int = -1,
        target_stride: int = 16,
        **options: Any,
    ) -> None:
        super().__init__()
        self.level = level
        stride = strides[level]
        self.is_resized = bool(stride % target_stride and target_stride % stride)
        self.neck = Sam2ClipNeck(
            in_channels=(in_channels[level],),
            strides=(target_stride if self.is_resized else stride,),
            target_stride=target_stride,
            **options,
        )
        self.out_channels = self.neck.out_channels

    def forward(self, feature_maps: list[Tensor]) -> Tensor:
        """[(B, C_l, h_l, w_l)] -> (B, C, S / target_stride, S / target_stride)."""
        features = feature_maps[self.level]
        if self.is_resized:
            size = (self.neck.embedding_size, self.neck.embedding_size)
            features = F.interpolate(features, size, mode="bilinear", align_corners=False)
        return self.neck([features])


@MODELS.register_module()
class ConvolutionalNeck(nn.Module):
    """Levels summed at one stride as in `Sam2ClipNeck`, then residual 3x3 convolutions.

    Args:
        in_channels, strides: channels, and stride in px, of each level.
        target_stride, out_channels: stride in px and channels C of the image embedding.
        width, depth: channels and number of the residual convolutions.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        strides: Sequence[int],
        target_stride: int = 16,
        width: int = 1280,
        depth: int = 5,
        out_channels: int = 256,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.projections = nn.ModuleList(
            level_projection(channels, width, stride, target_stride)
            for channels, stride in zip(in_channels, strides, strict=True)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(LayerNorm2d(width), nn.Conv2d(width, width, 3, padding=1), nn.GELU())
            for _ in range(depth)
        )
        self.neck = sam_neck(width, out_channels)

    def forward(self, feature_maps: list[Tensor]) -> Tensor:
        """[(B, C_l, h_l, w_l)] -> (B, C, S / target_stride, S / target_stride)."""
        embedding = self.projections[0](feature_maps[0])
        for projection, features in zip(self.projections[1:], feature_maps[1:], strict=True):
            embedding = embedding + projection(features)
        for block in self.blocks:
            embedding = embedding + block(embedding)
        return run_neck(self.neck, embedding)
