"""CLIP's vision transformer as open_clip builds it, for the classes that read its maps."""

from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, VisionTransformer
from torch import Tensor, nn

from ovsam.models.backbones.clip_specs import ClipSpec, ResNetTower, VitTower
from ovsam.models.backbones.folded_norms import FoldedNorms, is_foldable
from ovsam.models.freezing import freeze


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
    if tower.stem is not None:
        visual.conv1 = ResNetStem(tower.stem, tower.width, tower.patch_size)
    return visual


class ResNetStem(nn.Module):
    """Patch embedding by the first stages of a CLIP ResNet, which stay frozen, and a projection.

    The stages have the names of CLIP's ResNet (`trunk.conv1` to `trunk.layer3`), so its weights load
    into them.

    Source: Dosovitskiy et al., An Image is Worth 16x16 Words, section 3.1 (hybrid architecture). Differs
    in that the ResNet is trained before and frozen, and that its cells are normalised.

    Args:
        tower: of the ResNet.
        out_channels: C, width of the transformer.
        stride: of the last stage that is computed, px.

    Attributes:
        is_fast: compute the stages with their norms folded.

    Raises:
        ValueError: no stage has that stride.
    """

    def __init__(self, tower: ResNetTower, out_channels: int, stride: int) -> None:
        super().__init__()
        if stride not in tower.strides:
            raise ValueError(f"stride must be one of {tower.strides} (the stages), got {stride}")
        self.is_fast = True
        self.num_stages = tower.strides.index(stride) + 1
        self.trunk = ModifiedResNet(
            layers=list(tower.layers), output_dim=1, heads=1, image_size=stride, width=tower.width
        )
        for part in (*(f"layer{n}" for n in range(self.num_stages + 1, 5)), "attnpool"):
            delattr(self.trunk, part)
        self.folded = FoldedNorms()
        channels = tower.out_channels[self.num_stages - 1]
        self.norm = nn.LayerNorm(channels)
        self.projection = nn.Linear(channels, out_channels, bias=False)
        freeze(self.trunk)

    def train(self, mode: bool = True) -> "ResNetStem":
        """As `nn.Module.train`, but the norms of the stages keep their statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H / stride, W / stride)."""
        if self.is_fast and is_foldable(self.trunk, images):
            cells = self.folded.maps(self.trunk, images, self.num_stages)[-1]
        else:
            cells = self.trunk.stem(images)
            for number in range(1, self.num_stages + 1):
                cells = getattr(self.trunk, f"layer{number}")(cells)
        cells = cells.permute(0, 2, 3, 1)  # (B, D, h, w) -> (B, h, w, D)
        return self.projection(self.norm(cells)).permute(0, 3, 1, 2)
