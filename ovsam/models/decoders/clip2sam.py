"""CLIP2SAM's mask decoder: SAM's with one mask token and a label token in front.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 and table 7. In the released model the label
token attends but does not classify; table 7's class-token variants read it through an MLP.
"""

from dataclasses import replace

from segment_anything.modeling.mask_decoder import MLP
from torch import Tensor, nn

from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.outputs import DecoderOutput
from ovsam.registry import MODELS


@MODELS.register_module()
class Clip2SamDecoder(nn.Module):
    """A mask decoder with a label token.

    `decoder` holds SAM's part, so SAM's tensors (mask token 0) load strictly into it.

    Args:
        in_channels: C, channels of the image embedding and of every token.
        num_mask_tokens: masks per prompt; token 0 for clear prompts, the others for ambiguous ones.
        predicts_quality: with SAM's quality token and its head.
        depth: layers of the two-way transformer.
        num_heads: attention heads.
        mlp_dim: hidden width of the transformer's MLPs.
        label_classifies: give the label token an MLP into the text's space (328,960 parameters at full
            size), so that it can classify; False leaves it without one, as what is released comes to.
        embed_dim: D, width of the text embedding; read only where the label token classifies.

    Raises:
        ValueError: the label token is to classify, and no width of the text embedding is given.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_mask_tokens: int = 1,
        predicts_quality: bool = False,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        label_classifies: bool = False,
        embed_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.decoder = MaskDecoder(
            in_channels=in_channels,
            num_mask_tokens=num_mask_tokens,
            predicts_quality=predicts_quality,
            depth=depth,
            num_heads=num_heads,
            mlp_dim=mlp_dim,
        )
        self.label_token = nn.Embedding(1, in_channels)
        self.label_classifies = label_classifies
        if label_classifies:
            if embed_dim is None:
                raise ValueError(
                    "a label token that classifies needs embed_dim, the width of the text embedding"
                )
            self.label_mlp = MLP(in_channels, in_channels, embed_dim, 3)

    def forward(
        self,
        image_embeddings: Tensor,
        image_positions: Tensor,
        sparse_embeddings: Tensor,
        dense_embeddings: Tensor,
        image_index: Tensor,
    ) -> DecoderOutput:
        """As `MaskDecoder.forward`, with `label_tokens`, and `label_vectors` where they classify."""
        output = self.decoder(
            image_embeddings,
            image_positions,
            sparse_embeddings,
            dense_embeddings,
            image_index,
            extra_tokens=self.label_token.weight,
        )
        if not self.label_classifies:
            return output
        return replace(output, label_vectors=self.label_mlp(output.label_tokens))
