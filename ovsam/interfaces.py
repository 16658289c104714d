"""Shape letters, aliases and the Protocols between parts.

Shape letters: B images, N prompts over all images of a batch, T tokens of a prompt, C classes (or
channels where a feature map is meant), P synonyms of a class, D width of the text embedding, S side
of the square network input, H W sizes of an image, h w sizes of a feature map.

Frames: `original` = pixels of the file after EXIF rotation; `resized` = pixels of the network input
before padding (padding is right and bottom only, so coordinates are the same after it). Boxes are
xyxy, points xy, sizes (h, w). Pixel i covers [i, i + 1).
"""

from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

Frame = Literal["original", "resized"]
Size = tuple[int, int]
RoiBox = Literal["mask", "prompt"]


@runtime_checkable
class ImageEncoder(Protocol):
    """Image to a list of feature maps, finest first."""

    out_channels: tuple[int, ...]
    strides: tuple[int, ...]

    def __call__(self, images: Tensor) -> list[Tensor]:
        """(B, 3, S, S) normalised -> [(B, C_l, S / stride_l, S / stride_l)]."""
        ...


@runtime_checkable
class RegionEncoder(Protocol):
    """The part of an image encoder whose vectors are comparable with text embeddings."""

    embed_dim: int

    def embed_regions(
        self, feature_maps: list[Tensor], boxes: Tensor, masks: Tensor, image_index: Tensor
    ) -> Tensor:
        """Boxes (N, 4) xyxy px, resized; masks (N, S/4, S/4) logits -> (N, D), not normalised."""
        ...

    def embed_crops(self, crops: Tensor) -> Tensor:
        """(N, 3, s, s) at the encoder's own size and normalisation -> (N, D), not normalised."""
        ...


class StageAdapter(Protocol):
    """A part that trains along the stages of a frozen encoder."""

    def __call__(self, features: Tensor, stage: int) -> Tensor:
        """Output of stage `stage` -> input of the next stage, of the same shape."""
        ...


class TokenAdapter(StageAdapter, Protocol):
    """A `StageAdapter` of a transformer that also reads the image."""

    def begin(self, images: Tensor, tokens: Tensor) -> Tensor:
        """(B, 3, S, S) and the first block's tokens (B, h, w, C) -> tokens of the same shape."""
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """Sentences to vectors."""

    embed_dim: int

    def encode(self, sentences: list[str]) -> Tensor:
        """L sentences -> (L, D) float32, not normalised."""
        ...


@runtime_checkable
class MaskDecoder(Protocol):
    """Image embedding and encoded prompts to mask logits."""

    def __call__(
        self,
        image_embeddings: Tensor,
        image_positions: Tensor,
        sparse_embeddings: Tensor,
        dense_embeddings: Tensor,
        image_index: Tensor,
    ) -> "object":
        """(B, C, h, w), (1, C, h, w), (N, T, C), (N or 1, C, h, w), (N,) -> a DecoderOutput."""
        ...
