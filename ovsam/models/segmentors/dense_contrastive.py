"""Contrastive training of a dense CLIP: regions of whole pictures and the names of what is in them."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.segmentors.contrastive import MAX_LOGIT_SCALE, contrastive_loss
from ovsam.ops.roi import cells_in_boxes
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary


@MODELS.register_module()
class DenseContrastiveClip(BaseModel):
    """A small CLIP ViT whose dense map, not its class token, meets the texts.

    A large CLIP's dense map says what is where although only its class token was trained. A small one's
    does not: its class token has read everything before the last block. Here the vector of a region is
    the mean of the patches in its box.

    Source: Zhong et al., RegionCLIP (CVPR 2022), section 3.2; the loss is that of `ContrastiveClip`.
    Differs in that boxes and names are annotated, and that a region is pooled from the dense map of the
    value path.

    Args:
        backbone: dense encoder of images and texts, see `DenseClip`; all of it is trained here.
        vocabulary: T names, all of them in every step.
        template: sentence with one `{}`.
        data_preprocessor: normalises pictures.
        initial_logit_scale: start of the learnt factor of the cosine.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        vocabulary: Vocabulary,
        template: str,
        data_preprocessor: nn.Module | None = None,
        initial_logit_scale: float = 1 / 0.07,  # CLIP's own
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = backbone
        for tower in (backbone.visual, backbone.text):
            tower.requires_grad_(True)
        self.vocabulary = vocabulary
        self.template = template
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(initial_logit_scale)))

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
            mode: `loss`, `predict` or `tensor`.

        Returns:
            `loss`: {"loss_contrastive": scalar}. `predict`: N dicts with `pred_label` and `gt_label`
            (-1 without category ids), in vocabulary order. `tensor`: logits (N, T).

        Raises:
            ValueError: unknown mode, or no category ids for `loss`.
        """
        if mode not in ("loss", "predict", "tensor"):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        logits = self.region_logits(inputs, boxes)
        if mode == "tensor":
            return logits
        truth = [-1] * len(logits)
        if category_ids is not None:
            label_of = self.vocabulary.label_of_category
            truth = [label_of[i] for ids in category_ids for i in ids.tolist()]
        if mode == "predict":
            predicted = logits.argmax(dim=1).tolist()
            return [dict(pred_label=p, gt_label=t) for p, t in zip(predicted, truth, strict=True)]
        if category_ids is None:
            raise ValueError("mode 'loss' needs category_ids: what is in each box")
        labels = torch.tensor(truth, device=logits.device)
        return {"loss_contrastive": contrastive_loss(logits, labels)}

    def region_logits(self, images: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """(B, 3, S, S) and B times (n, 4) -> scaled cosines of N regions with all names (N, T)."""
        features = F.normalize(self.backbone(images).map, dim=1)  # (B, D, h, w)
        image_index = torch.repeat_interleave(
            torch.arange(len(boxes)), torch.tensor([len(own) for own in boxes])
        ).to(features.device)
        size = torch.tensor(images.shape[-2:]).flip(0).repeat(2)  # (w, h, w, h)
        inside = cells_in_boxes(torch.cat(list(boxes)) / size.to(features.device), features.shape[-2:])
        shares = inside / inside.sum(dim=(1, 2), keepdim=True)
        regions = torch.einsum("ndhw,nhw->nd", features[image_index], shares)
        sentences = [self.template.format(name) for name in self.vocabulary.names]
        texts = F.normalize(self.backbone.encode_text(sentences), dim=-1)  # (T, D)
        return self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE) * (
            F.normalize(regions, dim=-1) @ texts.t()
        )
