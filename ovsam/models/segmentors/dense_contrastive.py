"""Contrastive training of a dense CLIP: patches of pictures and names in their captions; no boxes."""

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
    small one does not: its class token has read everything before the last block. Here every name meets
    every patch of a picture, and the log-sum-exp over patches, which is nearly that of the patch that
    fits best, is the picture's score for the name. It has to be higher for a name that the caption holds
    than for names that it does not hold (those of other captions of the batch, those that come with the
    batch, and the vocabulary), and higher than in pictures of the batch that do not show it.

    The text tower stays as it is, and so does the ResNet in the stem of the image tower if it has one.

    Source: Pinheiro and Collobert, From Image-level to Pixel-level Labeling with Convolutional Networks
    (CVPR 2015), for the log-sum-exp over patches; Xu et al., GroupViT (CVPR 2022), for every noun of a
    caption as a text of its own; Zhai et al., LiT (CVPR 2022), for a locked tower. Differs in that the
    sharpness of the log-sum-exp is the learnt factor of the cosine, that it is no mean, and that LiT
    locks the tower of images.

    Args:
        backbone: dense encoder of images and texts, see `DenseClip`; the image tower is trained.
        vocabulary: names that are negatives in every step, and what `predict` classifies into.
        template: sentence with one `{}`.
        data_preprocessor: normalises pictures.
        initial_logit_scale: start of the learnt factor of the cosine.
        core: share of a box's sides, around its centre, whose patches `predict` reads.
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
        backbone.train_images_only()
        self.vocabulary = vocabulary
        self.template = template
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(initial_logit_scale)))
        self.core = core

    def forward(
        self,
        inputs: Tensor,
        names: Sequence[frozenset[str]] | None = None,
        other_names: Sequence[str] = (),
        captions: Sequence[str] | None = None,
        boxes: Sequence[Tensor] | None = None,
        category_ids: Sequence[Tensor] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """One batch.

        Args:
            inputs: (B, 3, S, S) normalised.
            names: B sets of what the captions name (`loss`).
            other_names: names that are negatives, too (`loss`).
            captions: not read; `names` are what they hold.
            boxes: B times (n, 4) xyxy px of the inputs; N in all (`predict`).
            category_ids: B times (n,) annotation category ids (`predict`).
            mode: `loss` -> {"loss_contrastive": scalar}; `predict` -> B dicts with lists `pred_label`
                and `gt_label` (-1 without category ids), in vocabulary order; `tensor` -> patches
                (B, h w, D) of unit length.

        Raises:
            ValueError: an unknown mode, no names to learn, or no boxes to name.
        """
        if mode not in ("loss", "predict", "tensor"):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        if mode == "loss" and not any(names or ()):
            raise ValueError("mode 'loss' needs names: what the captions hold, got none")
        if mode == "predict" and boxes is None:
            raise ValueError("mode 'predict' needs boxes: the regions to name")
        patches = F.normalize(self.backbone(inputs).map.flatten(2).transpose(1, 2), dim=-1)
        if mode == "tensor":
            return patches  # (B, D, h, w) -> (B, hw, D)
        if mode == "loss":
            return {"loss_contrastive": self.loss(patches, names, other_names)}
        regions = self.regions(patches, inputs, boxes)
        return self.predict(regions.split([len(own) for own in boxes]), category_ids)

    def loss(
        self, patches: Tensor, names: Sequence[frozenset[str]], other_names: Sequence[str] = ()
    ) -> Tensor:
        """(B, P, D) of unit length, B sets of names -> scalar; see `names_loss`."""
        held = [name for group in names for name in sorted(group)]
        texts = {
            name: place
            for place, name in enumerate(dict.fromkeys([*held, *other_names, *self.vocabulary.names]))
        }
        is_held = torch.zeros(len(names), len(texts), dtype=torch.bool)  # (B, U)
        for row, group in enumerate(names):
            is_held[row, [texts[name] for name in group]] = True
        is_held = is_held.to(patches.device)
        scale = self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE)
        logits = scale * patches @ self.embed(list(texts)).t()  # (B, P, U)
        return names_loss(logits.logsumexp(dim=1), is_held)

    def regions(self, patches: Tensor, images: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """Mean of the patches in the core of each box: (B, h w, D), images, boxes -> (N, D)."""
        image_index = torch.repeat_interleave(
            torch.arange(len(boxes)), torch.tensor([len(own) for own in boxes])
        ).to(patches.device)
        size = torch.tensor(images.shape[-2:]).flip(0).repeat(2).to(patches.device)  # (w, h, w, h)
        corners = (torch.cat(list(boxes)) / size).unflatten(1, (2, 2))  # (N, 2 corners, xy)
        middle = corners.mean(dim=1, keepdim=True)
        core = (middle + self.core * (corners - middle)).flatten(1)
        inside = cells_in_boxes(core, self.backbone.grid).flatten(1)
        shares = inside / inside.sum(dim=1, keepdim=True)  # (N, h w)
        return torch.einsum("npd,np->nd", patches[image_index], shares)

    def predict(
        self, regions: Sequence[Tensor], category_ids: Sequence[Tensor] | None = None
    ) -> list[dict[str, list[int]]]:
        """Zero-shot and annotated labels of the regions of each picture, B times (n, D)."""
        texts, label_of = self.embed(self.vocabulary.names).t(), self.vocabulary.label_of_category
        answers = []
        for number, own in enumerate(regions):
            truth = [-1] * len(own)
            if category_ids is not None:
                truth = [label_of[i] for i in category_ids[number].tolist()]
            answers.append(dict(pred_label=(own @ texts).argmax(dim=1).tolist(), gt_label=truth))
        return answers

    @torch.no_grad()
    def embed(self, names: Sequence[str]) -> Tensor:
        """U names -> (U, D) of unit length."""
        sentences = [self.template.format(name) for name in names]
        return F.normalize(self.backbone.encode_text(sentences), dim=-1)


def names_loss(scores: Tensor, is_held: Tensor) -> Tensor:
    """Both directions of the contrastive loss of B pictures and the names in their captions.

    Scores (B, U) and whether a picture's caption holds a name (B, U) -> the mean over all held names of
    -log p(name | picture), against names that the caption does not hold, plus the mean over names that
    occur of -log p(picture | name), averaged over the pictures of a name.
    """
    against = scores.masked_fill(is_held, -torch.inf).logsumexp(dim=1, keepdim=True)  # (B, 1)
    names = F.softplus(against - scores)[is_held].mean()
    occurs = is_held.any(dim=0)  # (U,)
    log_probs = scores[:, occurs].log_softmax(dim=0).where(is_held[:, occurs], 0)  # over pictures
    pictures = -(log_probs.sum(dim=0) / is_held[:, occurs].sum(dim=0)).mean()
    return names + pictures
