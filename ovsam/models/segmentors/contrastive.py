"""Contrastive training of a small CLIP: images and captions of what they show."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.text.class_embeddings import class_logits, embed_vocabulary
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary

MAX_LOGIT_SCALE = 100.0  # as in CLIP


@MODELS.register_module()
class ContrastiveClip(BaseModel):
    """CLIP's loss with several positives, and zero-shot classification of crops.

    With few names, equal captions are frequent within a batch, and an equal caption is no negative. So
    the softmax of an image runs over different texts, the softmax of a text over all images, and every
    image of a text is one of its positives. A text that says less than an image shows ("a red bar" for
    a window with two objects) is neither. The texts are the batch's own captions and one sentence for
    every other name: those that come with the batch, else those of the whole vocabulary, where it is
    small enough for that.

    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
    section 2.3; Khosla et al., Supervised Contrastive Learning, equation 2 (several positives).

    Args:
        image_encoder: has `embed_crops`.
        text_encoder: has `encode`.
        vocabulary: what `predict` classifies into.
        templates: sentences of `predict` with one `{}` each.
        data_preprocessor: normalises crops to the encoder's own mean and size.
        initial_logit_scale: start of the learnt factor of the cosine.
    """

    def __init__(
        self,
        *,
        image_encoder: nn.Module,
        text_encoder: nn.Module,
        vocabulary: Vocabulary,
        templates: Sequence[str],
        data_preprocessor: nn.Module | None = None,
        initial_logit_scale: float = 1 / 0.07,  # CLIP's own
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        # With few channels, channels last is 1.6 times as fast on a CPU, with equal sums.
        self.image_encoder = image_encoder.to(memory_format=torch.channels_last)
        self.text_encoder = text_encoder
        self.vocabulary = vocabulary
        self.templates = tuple(templates)
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(initial_logit_scale)))

    def forward(
        self,
        inputs: Tensor,
        captions: Sequence[str] | None = None,
        names: Sequence[frozenset[str]] | None = None,
        category_ids: Sequence[int] | None = None,
        other_names: Sequence[str] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """One batch of normalised pictures (B, 3, s, s).

        Args:
            inputs: the pictures.
            captions: B sentences (`loss`).
            names: B sets of what the captions name; images of equal names are positives of each
                other's captions (`loss`).
            category_ids: B annotation category ids (`predict`).
            other_names: names that are negatives, too; those of the vocabulary if left out (`loss`).
            mode: `loss` -> {"loss_contrastive": scalar}; `predict` -> B dicts with `pred_label` and
                `gt_label` (-1 without category ids), in vocabulary order; `tensor` -> (B, D), unit
                length.
        """
        vectors = F.normalize(self.embed(inputs.contiguous(memory_format=torch.channels_last)), dim=-1)
        if mode == "tensor":
            return vectors
        if mode == "loss":
            return {"loss_contrastive": self.loss(vectors, captions, names, other_names)}
        if mode == "predict":
            return self.predict(vectors, category_ids)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")

    def embed(self, pictures: Tensor) -> Tensor:
        """(B, 3, s, s) -> (B, D), any length; a picture larger than the encoder's own is one region."""
        side = pictures.shape[-1]
        if side == self.image_encoder.crop_size:
            return self.image_encoder.embed_crops(pictures)
        boxes = pictures.new_tensor([[0, 0, side, side]]).expand(len(pictures), 4)
        image_index = torch.arange(len(pictures), device=pictures.device)
        masks = pictures.new_ones(len(pictures), 1, 1)
        return self.image_encoder.embed_regions(self.image_encoder(pictures), boxes, masks, image_index)

    def loss(
        self,
        vectors: Tensor,
        captions: Sequence[str],
        names: Sequence[frozenset[str]],
        other_names: Sequence[str] | None = None,
    ) -> Tensor:
        """Mean of the two directions; (B, D) of unit length, B captions, B sets -> scalar."""
        texts: dict[frozenset[str], int] = {}
        text_index = torch.tensor([texts.setdefault(group, len(texts)) for group in names])  # (B,)
        sentences = [captions[names.index(group)] for group in texts]
        for name in self.vocabulary.names if other_names is None else other_names:
            if frozenset({name}) not in texts:
                # The number of texts differs from step to step, and so does an absent name's template.
                template = self.templates[len(texts) % len(self.templates)]
                texts[frozenset({name})] = len(texts)
                sentences.append(template.format(name))
        says_less = [[text < group for text in texts] for group in names]  # (B, U)
        text_vectors = F.normalize(self.text_encoder.encode(sentences), dim=-1)  # (U, D)
        scale = self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE)
        logits = scale * vectors @ text_vectors.t()
        logits = logits.masked_fill(torch.tensor(says_less, device=vectors.device), -torch.inf)
        return contrastive_loss(logits, text_index.to(vectors.device))

    def predict(self, vectors: Tensor, category_ids: Sequence[int] | None) -> list[dict[str, int]]:
        """Zero-shot and annotated labels of (B, D) vectors."""
        embeddings = embed_vocabulary(self.text_encoder, self.vocabulary, self.templates)
        predicted = class_logits(vectors, embeddings, scale=1.0)[:, :-1].argmax(dim=1).tolist()
        truth = [-1] * len(predicted)
        if category_ids is not None:
            truth = [self.vocabulary.label_of_category[category] for category in category_ids]
        return [dict(pred_label=p, gt_label=t) for p, t in zip(predicted, truth, strict=True)]


def contrastive_loss(logits: Tensor, text_index: Tensor) -> Tensor:
    """Both directions of the contrastive loss of B images and U different texts.

    Logits (B, U), -inf where a text is no negative of an image, and (B,) the text of each image -> half
    the mean of -log p(text | image) over images, plus half the mean of -log p(image | text) over the
    images of a text, averaged over the texts that have images.
    """
    image_to_text = F.cross_entropy(logits, text_index)
    positives = F.one_hot(text_index, logits.shape[1]).bool()  # (B, U)
    counts = positives.sum(dim=0)  # (U,)
    shown = counts > 0
    log_probs = F.log_softmax(logits[:, shown], dim=0).where(positives[:, shown], 0)  # over images
    text_to_image = -(log_probs.sum(dim=0) / counts[shown]).mean()
    return (image_to_text + text_to_image) / 2
