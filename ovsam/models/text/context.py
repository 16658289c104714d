"""Adapter1's text side: learnable context tokens in place of hand-written sentences.

Source: Zhou et al., Learning to Prompt for Vision-Language Models (CoOp), section 3.2; the rows "+ CoOp"
of Open-Vocabulary SAM, table 1, which says neither number nor position: ours are CoOp's defaults.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.checkpointing import checkpointed
from ovsam.models.text.class_embeddings import class_logits, synonym_table
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.ops.precision import full_precision
from ovsam.registry import MODELS
from ovsam.structures.class_bank import ClassBank
from ovsam.structures.vocabulary import Vocabulary

NamePosition = Literal["end", "middle", "front"]
CHUNK = 128  # sentences whose activations are in memory at once in training


class Sentences(NamedTuple):
    """The L different sentences of a vocabulary, on the CPU."""

    ids: Tensor  # (L, T) int64, start token, name, end token
    owners: Tensor  # (L,) int64, context of each
    sources: Tensor  # (L, T') int64, see `LearnableContext.order`
    ends: Tensor  # (L,) int64, place of the end token once the context is in
    rows: Tensor  # (C, P) int64, sentence of every class's synonyms


class LearnableContext(nn.Module):
    """M = `num_tokens` vectors of `width` W that stand around a class name like words.

    `num_contexts` is 1 for a context that all classes share, else there is one per class.
    """

    def __init__(
        self, *, num_tokens: int, width: int, num_contexts: int = 1, name_position: NamePosition = "end"
    ) -> None:
        super().__init__()
        if num_tokens < 1:
            raise ValueError(f"num_tokens must be 1 or more, got {num_tokens}")
        if name_position not in ("end", "middle", "front"):
            raise ValueError(f"name_position must be 'end', 'middle' or 'front', got {name_position!r}")
        self.num_tokens = num_tokens
        self.name_position = name_position
        self.vectors = nn.Parameter(torch.empty(num_contexts, num_tokens, width))
        nn.init.normal_(self.vectors, std=0.02)  # as CoOp, and as CLIP's own token vectors

    def order(self, ends: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Where each token of a sentence with context comes from, and the new places (L,) of the ends.

        `ends` are the places of the end token in L sentences of start token, name, end token. Sources
        (L, T) are indices into [own tokens, up to the longest] + [M context vectors], the end token
        repeated as padding.
        """
        first_context = max(ends) + 1
        length = first_context + self.num_tokens
        context = range(first_context, length)
        before = {"end": self.num_tokens, "middle": self.num_tokens // 2, "front": 0}[self.name_position]
        rows = []
        for end in ends:
            row = [0, *context[:before], *range(1, end), *context[before:], end]
            rows.append(row + [end] * (length - len(row)))
        return torch.tensor(rows), torch.tensor(ends) + self.num_tokens


@MODELS.register_module()
class ContextClassifier(VocabularyClassifier):
    """A `VocabularyClassifier` whose class vectors come from names in a learnable context.

    The text encoder stays frozen; gradients go through it to the context. A call with gradients computes
    the vectors each time; calls without compute them once, and again when a weight has changed.

    Args:
        vocabulary, text_encoder, logit_scale: as in `VocabularyClassifier`.
        num_tokens: M, vectors of a context.
        name_position: where the name stands: at the `end`, in the `middle`, at the `front`.
        is_class_specific: one context per class, shared by its synonyms. Such a classifier knows only
            its own classes.

    Raises:
        ValueError: a name that leaves no room for the context.
    """

    def __init__(
        self,
        *,
        vocabulary: Vocabulary,
        text_encoder: ClipTextEncoder,
        num_tokens: int = 16,
        name_position: NamePosition = "end",
        is_class_specific: bool = False,
        logit_scale: float = 100.0,
    ) -> None:
        super().__init__(
            vocabulary=vocabulary, text_encoder=text_encoder, templates=("{}.",), logit_scale=logit_scale
        )
        self.is_class_specific = is_class_specific
        self.context = LearnableContext(
            num_tokens=num_tokens,
            width=text_encoder.token_width,
            num_contexts=len(vocabulary) if is_class_specific else 1,
            name_position=name_position,
        )
        with torch.device("cpu"):  # read as numbers, also where the model is on the meta device
            self._sentences = self._planned()

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, D), any length -> logits (N, C + 1), the last column is background and 0."""
        if not (torch.is_grad_enabled() and self.context.vectors.requires_grad):
            return super().forward(vectors)
        self._made_from = None  # a fused optimiser's step does not show in a parameter's version
        return class_logits(vectors, self.context_embeddings(), self.logit_scale)

    def context_embeddings(self) -> Tensor:
        """(C, P, D) float32, unit length, with gradients to the context."""
        device = self.context.vectors.device
        *parts, rows = (part.to(device) for part in self._sentences)
        chunks = zip(*(part.split(CHUNK) for part in parts), strict=True)
        vectors = [checkpointed(self._embed, *chunk, when=True) for chunk in chunks]
        return torch.cat(vectors)[rows]  # (L, D), (C, P) -> (C, P, D)

    def with_vocabulary(self, vocabulary: Vocabulary) -> "ContextClassifier":
        """A classifier of other classes with the same text encoder, context and scale."""
        if self.is_class_specific:
            raise ValueError("class-specific contexts know no other classes: train a shared one")
        other = ContextClassifier(
            vocabulary=vocabulary,
            text_encoder=self.text_encoder,
            num_tokens=self.context.num_tokens,
            name_position=self.context.name_position,
            logit_scale=self.logit_scale,
        )
        other.context = self.context
        return other

    @torch.no_grad()
    def _computed(self) -> ClassBank:
        with full_precision(self.context.vectors):
            return ClassBank.of_table(self.context_embeddings())

    def _weight_versions(self) -> tuple[int, ...]:
        return (*super()._weight_versions(), self.context.vectors._version)

    def _embed(self, ids: Tensor, owners: Tensor, sources: Tensor, ends: Tensor) -> Tensor:
        """(l, T), (l,), (l, T'), (l,) -> (l, D), unit length."""
        tokens = torch.cat([self.text_encoder.embed_tokens(ids), self.context.vectors[owners]], dim=1)
        tokens = tokens.gather(1, sources[..., None].expand(-1, -1, tokens.shape[2]))  # (l, T', W)
        return F.normalize(self.text_encoder.encode_embedded(tokens, ends).float(), dim=-1)

    def _planned(self) -> Sentences:
        place: dict[tuple[int, str], int] = {}
        rows = []
        for label, synonyms in enumerate(synonym_table(self.vocabulary)):
            owner = label if self.is_class_specific else 0
            rows.append([place.setdefault((owner, name), len(place)) for name in synonyms])
        [template] = self.templates
        names = [template.format(name) for _, name in place]
        ids = self.text_encoder.token_ids(names, device="cpu")  # (L, T)
        ends = ids.argmax(dim=1)
        longest = int(ends.argmax())
        needed, room = int(ends[longest]) + 1, self.text_encoder.context_length - self.context.num_tokens
        if needed > room:
            raise ValueError(
                f"{names[longest]!r} has {needed} tokens; beside {self.context.num_tokens} of the"
                f" context there is room for {max(room, 0)}: set num_tokens lower"
            )
        sources, ends_in_context = self.context.order(ends.tolist())
        return Sentences(
            ids=ids[:, :needed],
            owners=torch.tensor([owner for owner, _ in place]),
            sources=sources,
            ends=ends_in_context,
            rows=torch.tensor(rows),
        )
