"""How frozen CLIP sees a region: as features of the whole image, or as a separate crop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.interfaces import RoiBox, Size
from ovsam.models.outputs import ImageFeatures, PromptMasks
from ovsam.ops.image_crops import Aspect, crop_bounds, crop_images
from ovsam.ops.roi import boxes_of_masks
from ovsam.registry import MODELS
from ovsam.structures.sample import PromptSample

CROPS_AT_ONCE = 32
REGIONS_AT_ONCE = 64


@dataclass(frozen=True)
class Regions:
    """The N regions of a batch; boxes are xyxy px, resized."""

    images: Tensor  # (B, 3, S, S) normalised and padded
    mean: Tensor  # (3, 1, 1) of that normalisation, 0..255
    std: Tensor
    image_sizes: Sequence[Size]  # B x (h, w) px, resized, without padding
    mask_logits: Tensor  # (N, h, w) over the padded square
    mask_boxes: Tensor  # (N, 4) around the predicted masks; zeros for an empty mask
    prompt_boxes: Tensor  # (N, 4) of the prompts; of the mask where the prompt has no box
    image_index: Tensor  # (N,) int64
    feature_maps: Sequence[Tensor] | None = None  # CLIP's maps of `images` if they are known

    @classmethod
    def of_masks(
        cls,
        features: ImageFeatures,
        data_samples: Sequence[PromptSample],
        data_preprocessor: nn.Module,
        masks: PromptMasks,
        click_boxes: Tensor | None = None,
    ) -> "Regions":
        """The regions of N masks; `click_boxes` (N, 4) replace the mask's where a prompt has no box."""
        if not hasattr(data_preprocessor, "mean"):
            raise ValueError(
                f"the data_preprocessor needs mean and std, got {type(data_preprocessor).__name__};"
                " set model.data_preprocessor to PromptDataPreprocessor"
            )
        inputs, mask_logits, prompts = features.inputs, masks.mask_logits, masks.prompts
        mask_boxes = boxes_of_masks(mask_logits > 0, inputs.shape[-1] / mask_logits.shape[-1])
        instead = mask_boxes if click_boxes is None else click_boxes.to(mask_boxes)
        has_box = prompts.has_box().to(inputs.device)[:, None]
        return cls(
            images=inputs,
            mean=data_preprocessor.mean,
            std=data_preprocessor.std,
            image_sizes=[tuple(sample.img_shape[:2]) for sample in data_samples],
            mask_logits=mask_logits,
            mask_boxes=mask_boxes,
            prompt_boxes=torch.where(has_box, prompts.boxes().to(mask_boxes), instead),
            image_index=prompts.image_index.to(inputs.device),
            feature_maps=features.feature_maps,
        )

    def __len__(self) -> int:
        return len(self.image_index)

    def __getitem__(self, rows: slice) -> "Regions":
        """The regions of `rows`, of the same images."""
        return replace(
            self,
            mask_logits=self.mask_logits[rows],
            mask_boxes=self.mask_boxes[rows],
            prompt_boxes=self.prompt_boxes[rows],
            image_index=self.image_index[rows],
        )

    def boxes(self, kind: RoiBox) -> Tensor:
        """(N, 4): `mask_boxes` or `prompt_boxes`."""
        return self.mask_boxes if kind == "mask" else self.prompt_boxes


class RegionVectors(Protocol):
    """Regions to vectors of CLIP's joint embedding."""

    reads_feature_maps: bool  # whether `Regions.feature_maps` are read if they are given

    def __call__(self, backbone: nn.Module, regions: Regions) -> Tensor:
        """(N, D), not normalised."""
        ...


def embed_in_chunks(
    backbone: nn.Module, feature_maps: Sequence[Tensor], *regions: Tensor, chunk_size: int
) -> Tensor:
    """`backbone.embed_regions` of boxes, mask logits and image index, in chunks to save memory."""
    chunks = zip(*(part.split(chunk_size) for part in regions), strict=True)
    return torch.cat([backbone.embed_regions(feature_maps, *chunk) for chunk in chunks])


@MODELS.register_module()
class FeatureCrop:
    """Features of the whole image inside the box, through CLIP's own head (as published).

    Source: Yuan et al., Open-Vocabulary SAM, sections 3.1 ("Feature-Crop") and 3.3.

    Args:
        box: `prompt` = the prompt's box, or the predicted mask's where the prompt has none; `mask` =
            always the predicted mask's.
        clip_normalisation: encode the image again with CLIP's own mean and std. False reads the
            segmentor's maps, or encodes the image with the segmentor's normalisation.
    """

    def __init__(self, *, box: RoiBox = "prompt", clip_normalisation: bool = False) -> None:
        self.box = box
        self.clip_normalisation = clip_normalisation
        self.reads_feature_maps = not clip_normalisation

    def __call__(self, backbone: nn.Module, regions: Regions) -> Tensor:
        """(N, D), not normalised."""
        feature_maps = regions.feature_maps
        if self.clip_normalisation:
            pixels = regions.images * regions.std + regions.mean
            feature_maps = backbone(_normalised(pixels, backbone))
        elif feature_maps is None:
            feature_maps = backbone(regions.images)
        parts = (regions.boxes(self.box), regions.mask_logits, regions.image_index)
        return embed_in_chunks(backbone, feature_maps, *parts, chunk_size=REGIONS_AT_ONCE)


@MODELS.register_module()
class ImageCrop:
    """The box cut out of the image, resized to CLIP's own input size.

    Source: Yuan et al., Open-Vocabulary SAM, section 3.1 ("Image-Crop"). The published fusion does not
    use it.

    Args:
        box: as in `FeatureCrop`.
        margin: added on every side, as a share of the box's own side.
        background: `keep` pixels outside the predicted mask, or `blank` them with CLIP's mean colour.
        aspect: `stretch` the crop to a square, `pad` it with CLIP's mean colour, or take in more
            `context` along the shorter side.
    """

    reads_feature_maps = False

    def __init__(
        self,
        *,
        box: RoiBox = "prompt",
        margin: float = 0.0,
        background: Literal["keep", "blank"] = "keep",
        aspect: Aspect = "stretch",
    ) -> None:
        self.box = box
        self.margin = margin
        self.background = background
        self.aspect = aspect

    def __call__(self, backbone: nn.Module, regions: Regions) -> Tensor:
        """(N, D), not normalised."""
        if regions.images.is_meta:  # shapes only
            return backbone.embed_crops(
                regions.images.new_empty(len(regions), 3, backbone.crop_size, backbone.crop_size)
            )
        pixels = regions.images * regions.std + regions.mean  # normalised -> 0..255
        owners = regions.image_index.tolist()
        bounds = [
            crop_bounds(box, regions.image_sizes[owner], self.margin, self.aspect)
            for box, owner in zip(self._boxes(regions).tolist(), owners, strict=True)
        ]
        vectors = [regions.images.new_zeros(0, backbone.embed_dim)]
        for start in range(0, len(bounds), CROPS_AT_ONCE):
            rows = slice(start, start + CROPS_AT_ONCE)
            crops = crop_images(
                pixels,
                regions.image_index[rows],
                bounds[rows],
                size=backbone.crop_size,
                fill=torch.tensor(backbone.crop_mean),
                keep=self._foreground(regions, rows),
                aspect=self.aspect,
            )
            vectors.append(backbone.embed_crops(_normalised(crops, backbone)))
        return torch.cat(vectors)

    def _boxes(self, regions: Regions) -> Tensor:
        """The chosen boxes; an empty mask has none, so the prompt's box stands in."""
        boxes = regions.boxes(self.box)
        is_empty = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1, keepdim=True)
        return torch.where(is_empty, regions.prompt_boxes, boxes)

    def _foreground(self, regions: Regions, rows: slice) -> Tensor | None:
        if self.background == "keep":
            return None
        side = regions.images.shape[-1]
        logits = F.interpolate(regions.mask_logits[rows, None], (side, side), mode="bilinear")
        return logits[:, 0] > 0  # (n, 1, S, S) -> (n, S, S)


@MODELS.register_module()
class ClipFusion:
    """Class scores of the trained head and of frozen CLIP, mixed with weights per group of classes.

    Source: Yuan et al., Open-Vocabulary SAM, section 3.3, released weights of the fusion.

    Args:
        vectors: how CLIP sees a region; `FeatureCrop` is the published method.
        base_weight: CLIP's share on base classes and background, in 0..1.
        novel_weight: CLIP's share on novel classes.
        skips_empty_masks: give CLIP no share where the predicted mask has no positive cell on the
            grid of the coarsest feature map (published).
    """

    def __init__(
        self,
        *,
        vectors: RegionVectors,
        base_weight: float = 0.1,
        novel_weight: float = 0.9,
        skips_empty_masks: bool = True,
    ) -> None:
        self.vectors = vectors
        self.base_weight = base_weight
        self.novel_weight = novel_weight
        self.skips_empty_masks = skips_empty_masks

    def clip_weights(self, base: Tensor, novel: Tensor, regions: Regions) -> Tensor:
        """CLIP's share of every score, (N, C + 1) in 0..1, from columns of the groups, (C + 1,) bool."""
        weights = base * self.base_weight + novel * self.novel_weight  # (C + 1,)
        weights[-1] = self.base_weight
        weights = weights.expand(len(regions.mask_logits), -1)
        if not self.skips_empty_masks:
            return weights
        grid = regions.feature_maps[-1].shape[-2:]
        cells = F.interpolate(regions.mask_logits[:, None], grid, mode="bilinear", align_corners=False)
        return weights * (cells > 0).any(dim=(2, 3))  # (N, 1, h, w) -> (N, 1)


def _normalised(pixels: Tensor, backbone: nn.Module) -> Tensor:
    """(N, 3, h, w) in 0..255 -> normalised as CLIP's own preprocessing does."""
    mean = pixels.new_tensor(backbone.crop_mean)[:, None, None]
    std = pixels.new_tensor(backbone.crop_std)[:, None, None]
    return (pixels - mean) / std
