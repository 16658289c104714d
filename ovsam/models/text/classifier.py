"""The open-vocabulary classifier: region vectors against the text embeddings of a vocabulary."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ovsam.models.text.class_embeddings import embed_bank
from ovsam.models.text.embedding_cache import embed_strings_once
from ovsam.models.text.templates import VILD_TEMPLATES
from ovsam.ops.class_ranking import bank_logits
from ovsam.ops.precision import full_precision
from ovsam.registry import MODELS
from ovsam.structures.class_bank import ClassBank
from ovsam.structures.vocabulary import Vocabulary


@MODELS.register_module()
class VocabularyClassifier(nn.Module):
    """Cosine logits of region vectors for every class of a vocabulary, and for background.

    The text encoder computes the class embeddings at first use, and again when its weights have changed.
    They are never part of a checkpoint; those that take long are kept on disk, see `embedding_cache`.

    Source: Yuan et al., Open-Vocabulary SAM, section 3.3; Gu et al., ViLD, section 3.2.

    Args:
        vocabulary: C classes with up to P synonyms.
        text_encoder: sentences to vectors; None where the embeddings are set by `embeddings_from`.
        templates: sentences with one `{}` each.
        logit_scale: factor of the cosine.
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
        self.register_buffer("_strings", None, persistent=False)
        self.register_buffer("_rows", None, persistent=False)
        self._made_from: tuple[int, ...] | None = None

    @property
    def bank(self) -> ClassBank:
        """The vectors of all classes, float32."""
        versions = self._weight_versions()
        if self._strings is None or self._made_from != versions:
            if self.text_encoder is None:
                raise RuntimeError("the classifier needs a text encoder, or embeddings_from(tensor)")
            self._keep(self._computed())
        return ClassBank(self._strings, self._rows)

    @property
    def embeddings(self) -> Tensor:
        """(C, P, D) float32, unit length; of a large vocabulary `bank` takes less memory."""
        return self.bank.table

    def embeddings_from(self, embeddings: Tensor | ClassBank) -> None:
        """Use given embeddings until the text encoder's weights change.

        Args:
            embeddings: (C, P, D), or a bank of C classes; vectors of any length.
        """
        bank = embeddings
        if isinstance(embeddings, Tensor):
            if embeddings.ndim != 3 or len(embeddings) != self.num_classes:
                raise ValueError(
                    f"embeddings must be ({self.num_classes}, P, D), got {tuple(embeddings.shape)}"
                )
            bank = ClassBank.of_table(embeddings)
        if len(bank) != self.num_classes:
            raise ValueError(f"expected embeddings of {self.num_classes} classes, got {len(bank)}")
        self._keep(ClassBank(nn.functional.normalize(bank.strings.float(), dim=-1), bank.rows))

    def with_vocabulary(self, vocabulary: Vocabulary) -> "VocabularyClassifier":
        """A classifier of other classes with the same text encoder, templates and scale."""
        return VocabularyClassifier(
            vocabulary=vocabulary,
            text_encoder=self.text_encoder,
            templates=self.templates,
            logit_scale=self.logit_scale,
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, D), any length -> logits (N, C + 1), the last column is background and 0."""
        return bank_logits(vectors, self.bank.to(vectors.device), self.logit_scale)

    def _keep(self, bank: ClassBank) -> None:
        self._strings, self._rows = bank.strings, bank.rows
        self._made_from = self._weight_versions()

    @torch.no_grad()
    def _computed(self) -> ClassBank:
        was_training = self.text_encoder.training
        self.text_encoder.eval()
        with full_precision(next(self.text_encoder.parameters())):
            bank = embed_bank(
                self.text_encoder, self.vocabulary, self.templates, embed=embed_strings_once
            )
        self.text_encoder.train(was_training)
        return bank

    def _weight_versions(self) -> tuple[int, ...]:
        """Changes whenever a weight of the text encoder is written to."""
        if self.text_encoder is None:
            return ()
        return tuple(parameter._version for parameter in self.text_encoder.parameters())
