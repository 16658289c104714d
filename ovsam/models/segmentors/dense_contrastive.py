"""Contrastive training of a dense CLIP: patches of whole pictures and the names of what they show."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.segmentors.contrastive import MAX_LOGIT_SCALE
from ovsam.ops.roi import cells_in_boxes
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary


@MODELS.register_module()
class DenseContrastiveClip(BaseModel):
    """A small CLIP ViT whose dense map, not its class token, meets the texts.

    The dense map of a large CLIP says what is where although only its class token was trained. That of a
    small one does not: its class token has read everything before the last block. Here the loss pulls
    each patch in the middle of a box to the box's name; every box counts once. `predict` names the mean
    of those patches.

    Source: Zhong et al., RegionCLIP (CVPR 2022), section 3.2. Differs in that boxes and names are
    annotated, that the contrast is per patch of the value path's map, and that all names are in every
    step, so that only patches choose among texts and no text among patches.

    Args:
        backbone: dense encoder of images and texts, see `DenseClip`; all of it is trained here.
        vocabulary: T names, all of them in every step.
        template: sentence with one `{}`.
        data_preprocessor: normalises pictures.
        initial_logit_scale: start of the learnt factor of the cosine.
        core: share of a box's sides, around its centre, that shows the object; corners do not.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        vocabulary: Vocabulary,
        template: str,
        data_preprocessor: nn.Module | None = None,
        initial_logit_scale: float = 1 / 0.07,  # CLIP's own
        core: float = 0.8,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = backbone
        for tower in (backbone.visual, backbone.text):
            tower.requires_grad_(True)
        self.vocabulary = vocabulary
        self.template = template
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(initial_logit_scale)))
        self.core = core

    def forward(
        self,
        inputs: Tensor,
        boxes: Sequence[Tensor],
        category_ids: Sequence[Tensor] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """One batch.

        Args:
            inputs: (B, 3, S, S) normalised.
            boxes: B times (n, 4) xyxy px of the inputs; N in all.
            category_ids: B times (n,) annotation category ids; needed for `loss`.
            mode: `loss` -> {"loss_contrastive": scalar}; `predict` -> N dicts with `pred_label` and
                `gt_label` (-1 without category ids), in vocabulary order; `tensor` -> logits (N, T).
        """
        if mode not in ("loss", "predict", "tensor"):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        if mode == "loss" and category_ids is None:
            raise ValueError("mode 'loss' needs category_ids: what is in each box")
        truth = None
        if category_ids is not None:
            label_of = self.vocabulary.label_of_category
            truth = [label_of[i] for ids in category_ids for i in ids.tolist()]
        patches, shares = self.patches_of_regions(inputs, boxes)
        if mode == "loss":
            region, cell = shares.nonzero(as_tuple=True)
            labels = torch.tensor(truth, device=shares.device)[region]
            losses = F.cross_entropy(self.logits(patches[region, cell]), labels, reduction="none")
            return {"loss_contrastive": (shares[region, cell] * losses).sum() / len(shares)}
        regions = torch.einsum("npd,np->nd", patches, shares)
        logits = self.logits(F.normalize(regions, dim=-1))
        if mode == "tensor":
            return logits
        predicted = logits.argmax(dim=1).tolist()
        truth = truth or [-1] * len(predicted)
        return [dict(pred_label=p, gt_label=t) for p, t in zip(predicted, truth, strict=True)]

    def patches_of_regions(self, images: Tensor, boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Patches (N, h w, D), of unit length, of each region's image, and their shares in the region.

        The sum of the shares (N, h w) is 1; arguments as in `forward`.
        """
        features = F.normalize(self.backbone(images).map, dim=1)  # (B, D, h, w)
        image_index = torch.repeat_interleave(
            torch.arange(len(boxes)), torch.tensor([len(own) for own in boxes])
        ).to(features.device)
        size = torch.tensor(images.shape[-2:]).flip(0).repeat(2).to(features.device)  # (w, h, w, h)
        corners = (torch.cat(list(boxes)) / size).unflatten(1, (2, 2))  # (N, 2 corners, xy)
        middle = corners.mean(dim=1, keepdim=True)
        core = (middle + self.core * (corners - middle)).flatten(1)
        inside = cells_in_boxes(core, features.shape[-2:]).flatten(1)
        patches = features.flatten(2).transpose(1, 2)[image_index]  # (B, D, h, w) -> (N, hw, D)
        return patches, inside / inside.sum(dim=1, keepdim=True)

    def logits(self, vectors: Tensor) -> Tensor:
        """(M, D) of unit length -> scaled cosines with all names (M, T)."""
        sentences = [self.template.format(name) for name in self.vocabulary.names]
        texts = F.normalize(self.backbone.encode_text(sentences), dim=-1)  # (T, D)
        return self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE) * (vectors @ texts.t())
