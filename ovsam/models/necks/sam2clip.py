"""SAM2CLIP: a transformer neck that turns CLIP's feature pyramid into SAM's image embedding.

Source: Yuan et al., Open-Vocabulary SAM, section 3.2 ("SAM2CLIP"); blocks of the segment_anything
package. The grid and the strides are numbers here, so the neck also serves a miniature.
"""

from collections.abc import Sequence
from functools import partial

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from ovsam.models.backbones.sam_block import run_block, run_neck
from ovsam.registry import MODELS


@MODELS.register_module()
class Sam2ClipNeck(nn.Module):
    """Every level to one width at one stride, summed, then SAM blocks and SAM's own neck.

    Args:
        in_channels, strides: channels, and stride in px, of each level.
        embedding_size, target_stride, out_channels: side, stride in px and channels C of the embedding.
        width: channels of the blocks. `pos_embed` is the teacher's if the widths agree.
        depth: number of blocks.
        num_heads: attention heads per block.
        window_size: side of the attention windows in cells.
        global_indexes: blocks with global attention.

    Attributes:
        is_fast: run the blocks as `sam_block` does. False runs segment-anything's own ones, as published
            counts do (`benchmark.complexity`).
        is_compiled: compile these blocks on a GPU.

    Raises:
        ValueError: a stride is neither a multiple nor a divisor of the target stride.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        strides: Sequence[int],
        embedding_size: int = 64,
        target_stride: int = 16,
        width: int = 1280,
        depth: int = 5,
        num_heads: int = 16,
        window_size: int = 14,
        global_indexes: Sequence[int] = (4,),
        out_channels: int = 256,
    ) -> None:
        super().__init__()
        self.is_fast = True
        self.is_compiled = False
        self.in_channels = tuple(in_channels)
        self.out_channels = out_channels
        self.embedding_size = embedding_size
        self.projections = nn.ModuleList(
            level_projection(channels, width, stride, target_stride)
            for channels, stride in zip(in_channels, strides, strict=True)
        )
        self.level_encoding = nn.Embedding(len(self.projections), width)  # N(0, 1)
        # SAM's absolute positions stay as they were learnt: a buffer, part of the weights.
        self.register_buffer("pos_embed", torch.zeros(1, embedding_size, embedding_size, width))
        self.blocks = nn.ModuleList(
            Block(
                dim=width,
                num_heads=num_heads,
                norm_layer=partial(nn.LayerNorm, eps=1e-6),
                use_rel_pos=True,
                window_size=0 if index in global_indexes else window_size,
                input_size=(embedding_size, embedding_size),
            )
            for index in range(depth)
        )
        self.neck = sam_neck(width, out_channels)

    def forward(self, feature_maps: list[Tensor]) -> Tensor:
        """[(B, C_l, S / stride_l, S / stride_l)] -> (B, C, S / target_stride, S / target_stride)."""
        if len(feature_maps) != len(self.projections):
            raise ValueError(f"expected {len(self.projections)} levels, got {len(feature_maps)}")
        levels = [
            projection(level) + encoding[:, None, None]
            for projection, level, encoding in zip(
                self.projections, feature_maps, self.level_encoding.weight, strict=True
            )
        ]
        tokens = torch.stack(levels).sum(dim=0).permute(0, 2, 3, 1)  # (B, C, h, w) -> (B, h, w, C)
        expected = (self.embedding_size, self.embedding_size)
        if tokens.shape[1:3] != expected:
            raise ValueError(f"expected an embedding of {expected}, got {tuple(tokens.shape[1:3])}")
        tokens = tokens + self.pos_embed
        for block in self.blocks:
            tokens = run_block(block, tokens, self.is_fast, self.is_compiled)
        return run_neck(self.neck, tokens.permute(0, 3, 1, 2))  # (B, h, w, C) -> (B, C, h, w)


def level_projection(in_channels: int, width: int, stride: int, target_stride: int) -> nn.Module:
    """Convolution without overlap that brings a level from `stride` to `target_stride`."""
    if target_stride % stride == 0:
        ratio = target_stride // stride
        return nn.Conv2d(in_channels, width, kernel_size=ratio, stride=ratio)
    if stride % target_stride == 0:
        ratio = stride // target_stride
        return nn.ConvTranspose2d(in_channels, width, kernel_size=ratio, stride=ratio)
    raise ValueError(f"stride {stride} and target stride {target_stride} do not divide each other")


def sam_neck(width: int, out_channels: int) -> nn.Sequential:
    """The last layers of SAM's image encoder: 1x1 and 3x3 convolution, each with LayerNorm2d."""
    return nn.Sequential(
        nn.Conv2d(width, out_channels, kernel_size=1, bias=False),
        LayerNorm2d(out_channels),
        nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
        LayerNorm2d(out_channels),
    )
