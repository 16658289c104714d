"""CLIP's vision transformer as open_clip builds it, for the classes that read its maps."""

from collections.abc import Sequence

from open_clip.transformer import QuickGELU, VisionTransformer
from torch import nn

from ovsam.models.backbones.clip_specs import ClipSpec, VitTower

STEM_GROUP = 8  # channels that are normalised together


def build_vit(spec: ClipSpec) -> VisionTransformer:
    """The image tower of a CLIP with a ViT, random weights, on its own crop size."""
    tower = spec.vision
    if not isinstance(tower, VitTower):
        raise ValueError(f"expected a CLIP with a ViT, got one with {type(tower).__name__}")
    visual = VisionTransformer(
        image_size=spec.crop_size,
        patch_size=tower.patch_size,
        width=tower.width,
        layers=tower.layers,
        heads=tower.width // tower.head_width,
        mlp_ratio=4.0,
        output_dim=spec.embed_dim,
        act_layer=QuickGELU,
    )
    if tower.stem_channels:
        visual.conv1 = convolutional_stem(tower.stem_channels, tower.width, tower.patch_size)
    return visual


def convolutional_stem(channels: Sequence[int], out_channels: int, stride: int) -> nn.Sequential:
    """Patch embedding by 3x3 convolutions: (B, 3, H, W) -> (B, out_channels, H / stride, W / stride).

    The first convolutions have stride 2 until `stride`, a power of two, is reached, the others stride 1.
    Their `channels` are multiples of 8; a 1x1 convolution ends them.

    Source: Xiao et al., Early Convolutions Help Transformers See Better (NeurIPS 2021), section 3.
    Differs in the normalisation: by groups of channels, so that nothing depends on the batch.
    """
    num_strided = stride.bit_length() - 1
    if stride != 1 << num_strided or len(channels) < num_strided:
        raise ValueError(
            f"{len(channels)} convolutions cannot have stride {stride}: expected a power of two and"
            f" {num_strided} convolutions or more"
        )
    layers: list[nn.Module] = []
    in_channels = 3
    for place, width in enumerate(channels):
        layers += [
            nn.Conv2d(in_channels, width, 3, 2 if place < num_strided else 1, padding=1, bias=False),
            nn.GroupNorm(width // STEM_GROUP, width),
            nn.GELU(),
        ]
        in_channels = width
    return nn.Sequential(*layers, nn.Conv2d(in_channels, out_channels, 1, bias=False))
