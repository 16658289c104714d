"""CLIP's image tower as a pyramid encoder that can also embed regions and crops."""

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.interfaces import StageAdapter
from ovsam.models.backbones.attention_pool import FirstTokenPool
from ovsam.models.backbones.clip_specs import ClipSpec, ConvNextTower, ResNetTower, clip_spec
from ovsam.models.backbones.clip_vit import build_vit
from ovsam.models.backbones.folded_norms import FoldedNorms, is_foldable
from ovsam.models.checkpointing import checkpointed
from ovsam.ops.roi import aligned_regions
from ovsam.registry import MODELS

FEW_CHANNELS = 64  # below this width, channels last is 1.5 times as fast on a CPU
HEAD_WIDTH = 64  # channels of an attention head in every CLIP image tower


@MODELS.register_module()
class ClipImageEncoder(nn.Module):
    """Images to feature maps, and regions of them to vectors of CLIP's joint embedding.

    The tower is open_clip's own module, kept as `visual`: the tensors below `visual.` of a CLIP state
    dict load strictly into it.

    Source: Yuan et al., Open-Vocabulary SAM, sections 3.2 and 3.3; regions of ConvNeXt as in Yu et
    al., FC-CLIP, section 3.3. Regions of a ViT are described nowhere; ours take the mean of its last
    tokens under the mask, through the image head.

    Args:
        architecture: name in `CLIP_SPECS`.

    Attributes:
        out_channels, strides: channels, and stride in px, of each map.
        embed_dim: D, width of the joint embedding.
        crop_size: side in px of the crops that `embed_crops` takes.
        crop_mean, crop_std: RGB, 0..255, to normalise crops with.
        is_fast: compute a frozen ResNet with its norms folded into its convolutions. False keeps them
            apart, as training, adapters and export do.

    Raises:
        ValueError: unknown architecture.
    """

    def __init__(self, *, architecture: str) -> None:
        super().__init__()
        self.is_fast = True
        self.folded = FoldedNorms()
        spec = clip_spec(architecture)
        self.architecture = architecture
        self.out_channels = spec.vision.out_channels
        self.strides = spec.vision.strides
        self.embed_dim = spec.embed_dim
        self.crop_size = spec.crop_size
        self.crop_mean = spec.mean
        self.crop_std = spec.std
        self.pool_grid = spec.pool_grid
        self.visual = _build_tower(spec)

    def forward(self, images: Tensor, adapter: StageAdapter | None = None) -> list[Tensor]:
        """Feature maps of (B, 3, H, W) normalised, finest first.

        ResNet and ConvNeXt: 4 maps (B, C_l, H / stride_l, W / stride_l), sides must be divisible by 32.
        ViT: one map (B, C, H // patch, W // patch), the tokens of its last block. An `adapter`, for
        ResNets only, changes the map of every stage before the next one reads it.
        """
        if isinstance(self.visual, ModifiedResNet):
            if self.is_fast and adapter is None and is_foldable(self.visual, images):
                return self.folded.maps(self.visual, images)
            return _resnet_maps(self.visual, images, adapter)
        if adapter is not None:
            raise ValueError(f"an adapter needs the stages of a ResNet, {self.architecture} has none")
        if isinstance(self.visual, VisionTransformer):
            return [_vit_map(self.visual, images)]
        return self.visual.trunk.forward_intermediates(images, intermediates_only=True)

    def embed_regions(
        self, feature_maps: list[Tensor], boxes: Tensor, masks: Tensor, image_index: Tensor
    ) -> Tensor:
        """As `interfaces.RegionEncoder`; masks of any resolution over the padded square of the maps.

        A ResNet pools the box by RoIAlign on the grid of its attention pool; ConvNeXt and ViT take the
        mean under the mask (logit > 0 on the grid of the last map; an empty mask has zero features).
        Only the last map is read.
        """
        last_map = feature_maps[-1]
        if isinstance(self.visual, ModifiedResNet):
            regions = aligned_regions(last_map, boxes, image_index, self.pool_grid, self.strides[-1])
            return self.visual.attnpool(regions.to(last_map.dtype))
        if isinstance(self.visual, TimmModel):
            last_map = self.visual.trunk.norm_pre(last_map)
        pooled = _mean_under_masks(last_map, masks, image_index)  # (N, C)
        if isinstance(self.visual, VisionTransformer):
            return self.visual.ln_post(pooled) @ self.visual.proj
        pooled = self.visual.trunk.head(pooled[:, :, None, None])  # (N, C) -> (N, C, 1, 1)
        return self.visual.head(pooled)

    def embed_crops(self, crops: Tensor) -> Tensor:
        """(N, 3, crop_size, crop_size), normalised by `crop_mean`, `crop_std` -> (N, D), any length."""
        size = self.crop_size
        if crops.ndim != 4 or crops.shape[1:] != (3, size, size):
            raise ValueError(f"crops must be (N, 3, {size}, {size}), got {tuple(crops.shape)}")
        is_resnet = isinstance(self.visual, ModifiedResNet)
        if is_resnet and self.is_fast and is_foldable(self.visual, crops):
            return self.visual.attnpool(self.folded.maps(self.visual, crops)[-1])
        return self.visual(crops)


def _build_tower(spec: ClipSpec) -> nn.Module:
    tower = spec.vision
    if isinstance(tower, ResNetTower):
        visual = ModifiedResNet(
            layers=list(tower.layers),
            output_dim=spec.embed_dim,
            heads=tower.width * 32 // HEAD_WIDTH,
            image_size=spec.crop_size,
            width=tower.width,
        )
        visual.attnpool = FirstTokenPool(visual.attnpool)
        if tower.width < FEW_CHANNELS:
            visual = visual.to(memory_format=torch.channels_last)
        return visual
    if isinstance(tower, ConvNextTower):
        return TimmModel(
            tower.timm_name,
            embed_dim=spec.embed_dim,
            image_size=spec.crop_size,
            pool="",
            proj="mlp",
            drop_path=0.1,
        )
    return build_vit(spec)


def _resnet_maps(visual: ModifiedResNet, images: Tensor, adapter: StageAdapter | None) -> list[Tensor]:
    maps = []
    features = visual.stem(images)
    for level, stage in enumerate((visual.layer1, visual.layer2, visual.layer3, visual.layer4)):
        # Gradients go through frozen stages only to reach an adapter.
        features = checkpointed(stage, features, when=features.requires_grad)
        if adapter is not None:
            features = adapter(features, level)
        maps.append(features)
    return maps


def _vit_map(visual: VisionTransformer, images: Tensor) -> Tensor:
    """Tokens of the last block as a map (B, C, h, w); position embeddings resized bicubically."""
    patches = visual.conv1(images)  # (B, C, h, w)
    height, width = patches.shape[-2:]
    class_position, grid_positions = visual.positional_embedding.split((1, visual.grid_size[0] ** 2))
    grid_positions = grid_positions.reshape(1, *visual.grid_size, -1).permute(0, 3, 1, 2)  # (1, C, g, g)
    if (height, width) != tuple(visual.grid_size):
        grid_positions = F.interpolate(grid_positions.float(), (height, width), mode="bicubic")
        grid_positions = grid_positions.to(patches.dtype)
    tokens = (patches + grid_positions).flatten(2).transpose(1, 2)  # (B, C, h, w) -> (B, hw, C)
    class_token = (visual.class_embedding + class_position).expand(len(tokens), 1, -1)
    tokens = visual.transformer(visual.ln_pre(torch.cat([class_token, tokens], dim=1)))
    return tokens[:, 1:].transpose(1, 2).unflatten(2, (height, width))  # (B, hw, C) -> (B, C, h, w)


def _mean_under_masks(features: Tensor, mask_logits: Tensor, image_index: Tensor) -> Tensor:
    """(B, C, h, w), (N, H', W'), (N,) -> (N, C); an empty mask gives zeros."""
    logits = F.interpolate(mask_logits[:, None], features.shape[-2:], mode="bilinear")
    masks = (logits[:, 0] > 0).to(features.dtype)  # (N, 1, h, w) -> (N, h, w)
    areas = masks.sum(dim=(1, 2)).clamp(min=1)[:, None]  # (N, 1)
    return torch.einsum("nchw,nhw->nc", features[image_index], masks) / areas
