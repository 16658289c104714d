"""The open-vocabulary classifier: region vectors against the text embeddings of a vocabulary."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ovsam.models.text.class_embeddings import class_logits, embed_vocabulary
from ovsam.models.text.embedding_cache import embed_strings_once
from ovsam.models.text.templates import VILD_TEMPLATES
from ovsam.registry import MODELS
from ovsam.structures.vocabulary import Vocabulary

ABSENT_LOGIT = -1000.0  # of a class that may not be answered: its probability is exactly 0


@MODELS.register_module()
class VocabularyClassifier(nn.Module):
    """Cosine logits of region vectors for every class of a vocabulary, and for background.

    The class embeddings are computed by the text encoder at first use, and again when its weights
    have changed since; they are never part of a checkpoint. Where that takes long they are kept on disk,
    see `embedding_cache`.

    Source: Yuan et al., Open-Vocabulary SAM, section 3.3; Gu et al., ViLD, section 3.2.

    Args:
        vocabulary: C classes with up to P synonyms.
        text_encoder: sentences to vectors; None where the embeddings are set by `embeddings_from`.
        templates: sentences with one `{}` each.
        logit_scale: factor of the cosine.

    Attributes:
        vocabulary: the vocabulary.
        num_classes: C.
    """

    def __init__(
        self,
        *,
        vocabulary: Vocabulary,
        text_encoder: nn.Module | None = None,
        templates: Sequence[str] = VILD_TEMPLATES,
        logit_scale: float = 100.0,
    ) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.vocabulary = vocabulary
        self.num_classes = len(vocabulary)
        self.templates = tuple(templates)
        self.logit_scale = logit_scale
        self.register_buffer("_embeddings", None, persistent=False)
        self._made_from: tuple[int, ...] | None = None

    @property
    def embeddings(self) -> Tensor:
        """(C, P, D) float32, unit length.

        Raises:
            RuntimeError: there is neither a text encoder nor a set of given embeddings.
        """
        versions = self._weight_versions()
        if self._embeddings is None or self._made_from != versions:
            if self.text_encoder is None:
                raise RuntimeError(
                    "the classifier has no text encoder: give it one, or set embeddings_from(tensor)"
                )
            self._embeddings = self._computed()
            self._made_from = versions
        return self._embeddings

    def embeddings_from(self, embeddings: Tensor) -> None:
        """Use given embeddings until the text encoder's weights change.

        Args:
            embeddings: (C, P, D); each is brought to unit length.

        Raises:
            ValueError: not one row of synonyms per class.
        """
        if embeddings.ndim != 3 or len(embeddings) != self.num_classes:
            raise ValueError(
                f"embeddings must be ({self.num_classes}, P, D), got {tuple(embeddings.shape)}"
            )
        self._embeddings = nn.functional.normalize(embeddings.float(), dim=-1)
        self._made_from = self._weight_versions()

    def with_vocabulary(self, vocabulary: Vocabulary) -> "VocabularyClassifier":
        """A classifier for other classes with the same text encoder, templates and scale."""
        return VocabularyClassifier(
            vocabulary=vocabulary,
            text_encoder=self.text_encoder,
            templates=self.templates,
            logit_scale=self.logit_scale,
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, D), any length -> logits (N, C + 1), the last column is background and 0."""
        return class_logits(vectors, self.embeddings.to(vectors.device), self.logit_scale)

    def restrict(self, logits: Tensor, labels: Iterable[int]) -> Tensor:
        """Logits in which only `labels` and background can win.

        Args:
            logits: (N, C + 1).
            labels: classes that may be answered, for example the vocabulary's `base`.

        Returns:
            (N, C + 1); every other class has `ABSENT_LOGIT`.
        """
        allowed = torch.zeros(self.num_classes + 1, dtype=torch.bool, device=logits.device)
        allowed[list(labels)] = True
        allowed[-1] = True
        return logits.masked_fill(~allowed, ABSENT_LOGIT)

    @torch.no_grad()
    def _computed(self) -> Tensor:
        device = next(self.text_encoder.parameters()).device
        was_training = self.text_encoder.training
        self.text_encoder.eval()
        device_type = "cpu" if device.type == "meta" else device.type  # autocast knows no meta device
        with torch.autocast(device_type, enabled=False):  # text embeddings are float32 by definition
            embeddings = embed_vocabulary(
                self.text_encoder, self.vocabulary, self.templates, embed=embed_strings_once
            )
        self.text_encoder.train(was_training)
        return embeddings

    def _weight_versions(self) -> tuple[int, ...]:
        """Changes whenever a weight of the text encoder is written to."""
        if self.text_encoder is None:
            return ()
        return tuple(parameter._version for parameter in self.text_encoder.parameters())
