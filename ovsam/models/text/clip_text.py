"""CLIP's text tower as open_clip builds it, and as an encoder of sentences."""

from collections.abc import Sequence

import torch
from open_clip.transformer import QuickGELU, TextTransformer
from torch import Tensor, nn

from ovsam.models.backbones.clip_specs import ClipSpec, clip_spec
from ovsam.models.text.tokenizers import tokenize
from ovsam.registry import MODELS

CHUNK = 512  # sentences per forward pass, bounds the memory of a large vocabulary


def build_text_tower(spec: ClipSpec) -> TextTransformer:
    """open_clip's text transformer with random weights."""
    return TextTransformer(
        context_length=spec.text.context_length,
        vocab_size=spec.text.vocabulary_size,
        width=spec.text.width,
        heads=spec.text.heads,
        layers=spec.text.layers,
        output_dim=spec.embed_dim,
        act_layer=QuickGELU if spec.text.quick_gelu else nn.GELU,
    )


@MODELS.register_module()
class ClipTextEncoder(nn.Module):
    """Sentences to vectors of CLIP's joint embedding.

    The tower is open_clip's own module, kept as `text`: the tensors `token_embedding.*`,
    `positional_embedding`, `transformer.*`, `ln_final.*` and `text_projection` of a CLIP state dict
    load strictly into it.

    `embed_dim` is D, the width of the joint embedding, and `token_width` W, that of a token's vector.
    `architecture` is a name in `CLIP_SPECS`.
    """

    def __init__(self, *, architecture: str) -> None:
        super().__init__()
        spec = clip_spec(architecture)
        self.architecture = architecture
        self.embed_dim = spec.embed_dim
        self.tower = spec.text
        self.token_width = spec.text.width
        self.context_length = spec.text.context_length
        self.text = build_text_tower(spec)

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """L sentences, at least one -> (L, D), not normalised."""
        return self(self.token_ids(sentences))

    def token_ids(self, sentences: Sequence[str], device: str | torch.device | None = None) -> Tensor:
        """L sentences -> (L, T) int64 on `device`, by default the encoder's; see `tokenize`."""
        return tokenize(sentences, self.tower).to(device or self.text.positional_embedding.device)

    def embed_tokens(self, token_ids: Tensor) -> Tensor:
        """(L, T) int64 -> (L, T, W), without positions."""
        return self.text.token_embedding(token_ids)

    def encode_embedded(self, token_vectors: Tensor, ends: Tensor) -> Tensor:
        """Tokens (L, T, W) without positions, T at most `context_length` -> (L, D), not normalised.

        `ends` (L,) int64 are the places of the end tokens; tokens after them have no influence.
        """
        length = token_vectors.shape[1]
        hidden = token_vectors + self.text.positional_embedding[:length]
        hidden = self.text.transformer(hidden, attn_mask=self.text.attn_mask[:length, :length])
        rows = torch.arange(len(ends), device=ends.device)
        hidden = self.text.ln_final(hidden[rows, ends])  # (L, T, W) -> (L, W)
        return hidden @ self.text.text_projection

    def forward(self, token_ids: Tensor) -> Tensor:
        """(L, T) int64 -> (L, D), not normalised.

        The padding behind the longest sentence of a chunk is cut off. It has no influence: attention is
        causal and the vector is read at the end token. Most names are short, so this saves much.
        """
        return torch.cat([self._encode(chunk) for chunk in token_ids.split(CHUNK)])

    def _encode(self, token_ids: Tensor) -> Tensor:
        ends = token_ids.argmax(dim=1)  # the end token has the highest id
        length = self.context_length if token_ids.is_meta else int(ends.max()) + 1
        return self.encode_embedded(self.embed_tokens(token_ids[:, :length]), ends)
