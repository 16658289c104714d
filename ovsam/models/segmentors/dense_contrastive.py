"""Contrastive training of a dense CLIP: somewhere in a picture there is what its caption names."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.segmentors.contrastive import MAX_LOGIT_SCALE
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary


@MODELS.register_module()
class DenseContrastiveClip(BaseModel):
    """A small CLIP ViT whose dense map, not its class token, meets the texts.

    A large CLIP's dense map says what is where although only its class token was trained. A small one's
    does not: the class token has read everything before the last block, and positions stand for parts of
    a centred object. Here an image and a name are as similar as the soft maximum over the patches; no
    place is ever given, only what a caption names.

    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
    section 2.3, for the loss; Ilse et al., Attention-based Deep Multiple Instance Learning, section 2.1,
    for the idea that a bag is positive where one of its instances is. The pooling is ours.

    Args:
        backbone: dense encoder of images and texts, see `DenseClip`; all of it is trained here.
        vocabulary: T names; those that a picture does not show are its negatives in every step.
        template: sentence with one `{}`.
        data_preprocessor: normalises crops to the encoder's own mean and size.
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
        captions: Sequence[str] | None = None,
        names: Sequence[frozenset[str]] | None = None,
        category_ids: Sequence[int] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """One batch.

        Args:
            inputs: (B, 3, s, s) normalised crops.
            captions: not read: `names` says the same.
            names: B sets of what the captions name (`loss`).
            category_ids: B annotation category ids, passed on by `predict`.
            mode: `loss`, `predict` or `tensor`.

        Returns:
            `loss`: {"loss_contrastive": scalar}. `predict`: B dicts with `pred_label` and `gt_label`
            (-1 without category ids), in vocabulary order. `tensor`: logits (B, T).

        Raises:
            ValueError: unknown mode, or no names for `loss`.
        """
        if mode not in ("loss", "predict", "tensor"):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        logits = self.similarity(inputs)
        if mode == "tensor":
            return logits
        if mode == "predict":
            return self._labels(logits, category_ids)
        if names is None:
            raise ValueError("mode 'loss' needs names: what each caption names")
        shown = [[name in group for name in self.vocabulary.names] for group in names]
        return {"loss_contrastive": presence_loss(logits, torch.tensor(shown, device=logits.device))}

    def similarity(self, images: Tensor) -> Tensor:
        """(B, 3, s, s) normalised -> scaled similarity to every name (B, T)."""
        patches = F.normalize(self.backbone(images).tokens[:, 1:], dim=-1)  # (B, P, D)
        sentences = [self.template.format(name) for name in self.vocabulary.names]
        texts = F.normalize(self.backbone.encode_text(sentences), dim=-1)  # (T, D)
        scaled = self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE) * patches @ texts.t()
        return scaled.logsumexp(dim=1) - math.log(scaled.shape[1])  # (B, P, T) -> (B, T)

    def _labels(self, logits: Tensor, category_ids: Sequence[int] | None) -> list[dict[str, int]]:
        label_of = self.vocabulary.label_of_category
        truth = [-1] * len(logits) if category_ids is None else [label_of[i] for i in category_ids]
        predicted = logits.argmax(dim=1).tolist()
        return [dict(pred_label=p, gt_label=t) for p, t in zip(predicted, truth, strict=True)]


def presence_loss(logits: Tensor, shown: Tensor) -> Tensor:
    """Both directions of the contrastive loss where an image may show several names.

    Args:
        logits: (B, T) of images and names.
        shown: (B, T) bool, at least one True; whether the image shows what the name means.

    Returns:
        Scalar: half the mean over pairs that belong together of -log p(name | image), against the names
        that the image does not show, plus half the mean over shown names of -log p(image | name) over
        their images.
    """
    others = logits.masked_fill(shown, -torch.inf).logsumexp(dim=1, keepdim=True)  # (B, 1)
    per_pair = torch.logaddexp(logits, others) - logits
    image_to_text = per_pair[shown].mean()
    counts = shown.sum(dim=0)  # (T,)
    occurs = counts > 0
    log_probs = logits[:, occurs].log_softmax(dim=0).where(shown[:, occurs], 0)
    text_to_image = -(log_probs.sum(dim=0) / counts[occurs]).mean()
    return (image_to_text + text_to_image) / 2
