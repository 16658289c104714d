"""Pseudo prompts: points, masks and boxes for SAM's decoder, read off a correlation map.

Source: Lee et al., ESC-Net, section 3.2. The paper does not say temperature, threshold and the start of
k-means; ours are in the arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.ops.clustering import farthest_points, first_maximum, masked_kmeans
from ovsam.ops.precision import full_precision
from ovsam.registry import MODELS

KINDS = ("point", "mask", "box")
MASK_SCALE = 4  # cells of a mask prompt along a cell of the embedding, in SAM


@dataclass(frozen=True)
class PseudoPrompts:
    """K regions of each of N classes; no gradient. Fields of regions that do not exist mean nothing."""

    points: Tensor  # (N, K, 2) xy in 0..1 of the image, centre of the strongest cell of a region
    boxes: Tensor  # (N, K, 4) xyxy in 0..1, edges of the cells of a region
    masks: Tensor  # (N, K, h, w) bool
    exists: Tensor  # (N, K) bool


@MODELS.register_module()
class PseudoPromptGenerator(nn.Module):
    """Regions of a class by k-means over the cells where it is likely.

    Args:
        num_regions: K, regions of a class at most.
        alpha: cells above this fraction of the largest probability are foreground.
        temperature: factor of the correlation in the softmax over the cells of a class.
        iterations: of k-means.

    Raises:
        ValueError: a fraction outside 0..1 (1 would leave no cell), or fewer than one region.
    """

    def __init__(
        self,
        *,
        num_regions: int = 5,
        alpha: float = 0.5,
        temperature: float = 100.0,
        iterations: int = 10,
    ) -> None:
        super().__init__()
        if not 0 <= alpha < 1:
            raise ValueError(f"alpha must be at least 0 and below 1, got {alpha}")
        if num_regions < 1:
            raise ValueError(f"the number of regions must be 1 or more, got {num_regions}")
        self.num_regions = num_regions
        self.alpha = alpha
        self.temperature = temperature
        self.iterations = iterations

    @torch.no_grad()
    def forward(self, correlation: Tensor) -> PseudoPrompts:
        """(N, h, w) -> K regions of each of the N maps."""
        height, width = correlation.shape[1:]
        probs = (self.temperature * correlation.float()).flatten(1).softmax(dim=1)  # (N, P)
        members = probs > self.alpha * probs.amax(dim=1, keepdim=True)
        rows, columns = torch.meshgrid(
            torch.arange(height, device=probs.device),
            torch.arange(width, device=probs.device),
            indexing="ij",
        )
        cells = torch.stack([columns, rows], dim=2).flatten(0, 1).float()  # (P, 2) xy
        starts, exists = farthest_points(cells, members, first_maximum(probs), self.num_regions)
        with full_precision(correlation):  # means of cells are products of matrices
            labels, filled = masked_kmeans(cells, members, starts, exists, self.iterations)
        regions = torch.arange(self.num_regions, device=probs.device)
        masks = labels[:, None] == regions[:, None]  # (N, K, P)
        inside = probs[:, None].masked_fill(~masks, -1)
        size = cells[-1] + 1  # (w, h)
        points = (cells[first_maximum(inside)] + 0.5) / size
        return PseudoPrompts(
            points=points,
            boxes=_boxes(cells, masks) / size.repeat(2),
            masks=masks.unflatten(2, (height, width)),
            exists=filled & exists,
        )


@MODELS.register_module()
class PseudoPromptEncoder(nn.Module):
    """Pseudo prompts to SAM's sparse and dense embeddings.

    Args:
        prompt_encoder: SAM's.
        kinds: prompts that are given, any of `point`, `mask`, `box`.
        mask_logit: a mask is plus this inside and minus this outside; SAM was trained on logits.
        is_frozen: SAM's encoder is not trained.

    Raises:
        ValueError: no kind, or an unknown one.
    """

    def __init__(
        self,
        *,
        prompt_encoder: PromptEncoder,
        kinds: Sequence[str] = ("point", "mask"),
        mask_logit: float = 10.0,
        is_frozen: bool = True,
    ) -> None:
        super().__init__()
        if not kinds or set(kinds) - set(KINDS):
            raise ValueError(f"kinds must be some of {KINDS}, got {tuple(kinds)}")
        self.prompt_encoder = prompt_encoder
        self.kinds = tuple(kinds)
        self.mask_logit = mask_logit
        self.prompt_encoder.requires_grad_(not is_frozen)

    def forward(self, prompts: PseudoPrompts) -> tuple[Tensor, Tensor]:
        """Sparse (N, L, C) and dense (N, C, h, w) embeddings; regions that do not exist are padding."""
        return self._sparse(prompts), self._dense(prompts)

    def _sparse(self, prompts: PseudoPrompts) -> Tensor:
        encoder = self.prompt_encoder
        padding = encoder.not_a_point_embed.weight  # (1, C)
        tokens = [padding.new_zeros(len(prompts.points), 0, padding.shape[1])]
        roles = [embedding.weight for embedding in encoder.point_embeddings]  # -, +, corner, corner
        if "point" in self.kinds:
            embedded = self._places(prompts.points) + roles[1]
            tokens.append(torch.where(prompts.exists[..., None], embedded, padding))
        if "box" in self.kinds:
            for role, corner in zip(roles[2:4], prompts.boxes.split(2, dim=2), strict=True):
                embedded = self._places(corner) + role
                tokens.append(torch.where(prompts.exists[..., None], embedded, padding))
        elif "point" in self.kinds:  # points without a box come with one padding token in SAM
            tokens.append(padding.expand(len(prompts.points), 1, -1))
        return torch.cat(tokens, dim=1)

    def _dense(self, prompts: PseudoPrompts) -> Tensor:
        encoder = self.prompt_encoder
        height, width = encoder.image_embedding_size
        if "mask" not in self.kinds:
            empty = encoder.no_mask_embed.weight[:, :, None, None]
            return empty.expand(len(prompts.masks), -1, height, width)
        masks = prompts.masks.flatten(0, 1)[:, None].to(encoder.no_mask_embed.weight.dtype)
        large = F.interpolate(masks, scale_factor=MASK_SCALE, mode="nearest")  # (N K, 1, 4h, 4w)
        embedded = encoder.mask_downscaling((2 * large - 1) * self.mask_logit)  # (N K, C, h, w)
        weights = prompts.exists.to(embedded.dtype)
        weights = weights / weights.sum(dim=1, keepdim=True)  # the first region always exists
        return torch.einsum("nk,nkchw->nchw", weights, embedded.unflatten(0, prompts.masks.shape[:2]))

    def _places(self, points: Tensor) -> Tensor:
        """Position embedding of xy in 0..1: (N, K, 2) -> (N, K, C)."""
        with full_precision(points):
            return self.prompt_encoder.pe_layer._pe_encoding(points.float())


def _boxes(cells: Tensor, masks: Tensor) -> Tensor:
    """Edges of the cells of each mask: (P, 2), (N, K, P) -> (N, K, 4) xyxy in cells."""
    inside = masks[..., None]
    lowest = torch.where(inside, cells, torch.inf).amin(dim=2)
    highest = torch.where(inside, cells + 1, -torch.inf).amax(dim=2)
    boxes = torch.cat([lowest, highest], dim=2)
    return torch.where(masks.any(dim=2, keepdim=True), boxes, 0.0)
