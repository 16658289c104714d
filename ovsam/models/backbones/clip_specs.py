"""The CLIP models this project knows: one table, the only place that holds their numbers.

Sources: Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
tables 19 and 20 (ResNets and ViTs); Liu et al., A ConvNet for the 2020s (ConvNeXt-L); open_clip's
model configurations, which a test compares with this table. `shapes-rn` is the miniature's own.
"""

from dataclasses import dataclass

OPENAI_MEAN = tuple(255 * value for value in (0.48145466, 0.4578275, 0.40821073))
OPENAI_STD = tuple(255 * value for value in (0.26862954, 0.26130258, 0.27577711))
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # the preprocessing of SAM and of whole images here
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class ResNetTower:
    """OpenAI's modified ResNet: bottleneck blocks per stage, channels of the stem."""

    layers: tuple[int, int, int, int]
    width: int
    strides: tuple[int, ...] = (4, 8, 16, 32)

    @property
    def out_channels(self) -> tuple[int, ...]:
        return tuple(self.width * 4 * 2**level for level in range(4))


@dataclass(frozen=True)
class ConvNextTower:
    """A timm ConvNeXt with the two-layer head of open_clip's `_d` models."""

    timm_name: str
    out_channels: tuple[int, ...]
    strides: tuple[int, ...] = (4, 8, 16, 32)


@dataclass(frozen=True)
class VitTower:
    """A plain vision transformer: one map, at the stride of its patches."""

    layers: int
    width: int
    patch_size: int
    head_width: int = 64
    # The ResNet whose stages down to the stride `patch_size` embed patches; None: as in released ones.
    stem: ResNetTower | None = None

    @property
    def out_channels(self) -> tuple[int, ...]:
        return (self.width,)

    @property
    def strides(self) -> tuple[int, ...]:
        return (self.patch_size,)


@dataclass(frozen=True)
class TextTower:
    """A causal text transformer."""

    width: int
    heads: int
    layers: int = 12
    context_length: int = 77
    vocabulary_size: int = 49408
    tokenizer: str = "bpe"  # CLIP's own byte pairs, or `words`: one hashed token per word (miniature)
    quick_gelu: bool = True  # the activation that OpenAI's weights were trained with


@dataclass(frozen=True)
class ClipSpec:
    """One CLIP model."""

    vision: ResNetTower | ConvNextTower | VitTower
    text: TextTower
    embed_dim: int  # width of the joint embedding
    crop_size: int  # side in px of the square image it was trained on
    model_name: str = ""  # open_clip's (OpenAI's weights need the `-quickgelu` one); empty if ours only
    pretrained: str = ""  # open_clip's tag of the released weights; empty if there are none
    mean: tuple[float, ...] = OPENAI_MEAN  # RGB, of its own preprocessing, 0..255
    std: tuple[float, ...] = OPENAI_STD

    @property
    def pool_grid(self) -> int:
        """Side, in cells of the last map, of what the image head was trained on."""
        return self.crop_size // self.vision.strides[-1]


def _openai(
    name: str,
    vision: ResNetTower | VitTower,
    embed_dim: int,
    crop_size: int,
    text_width: int | None = None,
) -> ClipSpec:
    """A CLIP that OpenAI released; its text tower is as wide as the joint embedding unless given."""
    width = text_width or embed_dim
    text = TextTower(width=width, heads=width // 64)
    return ClipSpec(vision, text, embed_dim, crop_size, f"{name}-quickgelu", "openai")


def _miniature(vision: ResNetTower | VitTower, crop_size: int = 64) -> ClipSpec:
    """A small CLIP, most of them for pictures of 64 px; all have the same text tower."""
    text = TextTower(
        width=64,
        heads=4,
        layers=2,
        context_length=32,
        vocabulary_size=2048,
        tokenizer="words",
        quick_gelu=False,
    )
    return ClipSpec(
        vision, text, embed_dim=64, crop_size=crop_size, mean=IMAGENET_MEAN, std=IMAGENET_STD
    )


SHAPES_RESNET = ResNetTower(layers=(1, 2, 2, 1), width=20)

CLIP_SPECS = {
    "RN50": _openai("RN50", ResNetTower((3, 4, 6, 3), width=64), 1024, crop_size=224, text_width=512),
    "RN50x4": _openai("RN50x4", ResNetTower((4, 6, 10, 6), width=80), 640, crop_size=288),
    "RN50x16": _openai("RN50x16", ResNetTower((6, 8, 18, 8), width=96), 768, crop_size=384),
    "RN50x64": _openai("RN50x64", ResNetTower((3, 15, 36, 10), width=128), 1024, crop_size=448),
    "ConvNeXt-L": ClipSpec(
        model_name="convnext_large_d_320",
        pretrained="laion2b_s29b_b131k_ft_soup",
        vision=ConvNextTower(timm_name="convnext_large", out_channels=(192, 384, 768, 1536)),
        text=TextTower(width=768, heads=12, layers=16, quick_gelu=False),
        embed_dim=768,
        crop_size=320,
    ),
    "ViT-B-16": _openai("ViT-B-16", VitTower(layers=12, width=768, patch_size=16), 512, crop_size=224),
    "ViT-L-14": _openai("ViT-L-14", VitTower(layers=24, width=1024, patch_size=14), 768, crop_size=224),
    "ViT-L-14-336": _openai(
        "ViT-L-14-336", VitTower(layers=24, width=1024, patch_size=14), 768, crop_size=336
    ),
    # Of the numeric fixtures of CAT-Seg; there are no weights.
    "parity-vit": ClipSpec(
        vision=VitTower(layers=12, width=128, patch_size=16),
        text=TextTower(width=64, heads=1, layers=3),
        embed_dim=512,
        crop_size=224,
    ),
    # The miniature, trained from scratch on `shapes`. Its own preprocessing is that of whole images,
    # so a crop and a region of a whole image look alike to it.
    "shapes-rn": _miniature(SHAPES_RESNET),
    "shapes-rn-wide": _miniature(ResNetTower(layers=(1, 1, 1, 1), width=32)),
    "shapes-vit": _miniature(VitTower(layers=6, width=96, patch_size=8, head_width=24)),
    # For whole pictures. Without a trained stem it learns colours soon but hardly any shape.
    "shapes-vit-dense": _miniature(
        VitTower(layers=3, width=48, patch_size=16, head_width=24, stem=SHAPES_RESNET), crop_size=192
    ),
}


def clip_spec(architecture: str) -> ClipSpec:
    """The spec of `architecture`; raise ValueError if it is not in the table."""
    if architecture not in CLIP_SPECS:
        raise ValueError(f"CLIP architecture must be one of {sorted(CLIP_SPECS)}, got {architecture!r}")
    return CLIP_SPECS[architecture]
