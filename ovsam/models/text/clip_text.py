"""CLIP's text tower."""

from collections.abc import Sequence

import torch
from open_clip.transformer import QuickGELU, TextTransformer
from torch import Tensor, nn

from ovsam.models.backbones.clip_specs import clip_spec
from ovsam.models.text.tokenizers import tokenize
from ovsam.registry import MODELS

CHUNK = 512  # sentences per forward pass, bounds the memory of a large vocabulary


@MODELS.register_module()
class ClipTextEncoder(nn.Module):
    """Sentences to vectors of CLIP's joint embedding.

    The tower is open_clip's own module, kept as `text`: the tensors `token_embedding.*`,
    `positional_embedding`, `transformer.*`, `ln_final.*` and `text_projection` of a CLIP state dict
    load strictly into it.

    Args:
        architecture: name in `CLIP_SPECS`.

    Attributes:
        embed_dim: D, width of the joint embedding.

    Raises:
        ValueError: unknown architecture.
    """

    def __init__(self, *, architecture: str) -> None:
        super().__init__()
        spec = clip_spec(architecture)
        self.architecture = architecture
        self.embed_dim = spec.embed_dim
        self.tokenizer = spec.text.tokenizer
        self.context_length = spec.text.context_length
        self.vocabulary_size = spec.text.vocabulary_size
        self.text = TextTransformer(
            context_length=spec.text.context_length,
            vocab_size=spec.text.vocabulary_size,
            width=spec.text.width,
            heads=spec.text.heads,
            layers=spec.text.layers,
            output_dim=spec.embed_dim,
            act_layer=QuickGELU if spec.text.quick_gelu else nn.GELU,
        )

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """L sentences -> (L, D), not normalised.

        Raises:
            ValueError: no sentences.
        """
        if not sentences:
            raise ValueError("expected at least one sentence, got none")
        ids = tokenize(
            sentences,
            tokenizer=self.tokenizer,
            context_length=self.context_length,
            vocabulary_size=self.vocabulary_size,
        )
        return self(ids.to(self.text.positional_embedding.device))

    def forward(self, token_ids: Tensor) -> Tensor:
        """(L, T) int64 -> (L, D), not normalised.

        Padding behind the longest sentence of a chunk is cut off: attention is causal and the vector is
        read at the end token, so it has no influence, and most names are short.
        """
        return torch.cat([self._encode(chunk) for chunk in token_ids.split(CHUNK)])

    def _encode(self, token_ids: Tensor) -> Tensor:
        ends = token_ids.argmax(dim=1)  # the end token has the highest id
        length = self.context_length if token_ids.is_meta else int(ends.max()) + 1
        tokens = (
            self.text.token_embedding(token_ids[:, :length]) + self.text.positional_embedding[:length]
        )
        tokens = self.text.transformer(tokens, attn_mask=self.text.attn_mask[:length, :length])
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.text.ln_final(tokens[rows, ends]) @ self.text.text_projection
