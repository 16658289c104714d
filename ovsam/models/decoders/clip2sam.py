"""CLIP2SAM's mask decoder: SAM's with one mask token and a label token in front.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 and table 7. In the released model the label
token attends but does not classify; table 7's class-token variants read it through an MLP.
"""

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
        num_mask_tokens: masks per prompt.
        depth: layers of the two-way transformer.
        num_heads: attention heads.
        mlp_dim: hidden width of the transformer's MLPs.
        label_dim: D, width of the text embedding, where the label token is to classify; 0 leaves
            the label token without a head, as released.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_mask_tokens: int = 1,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        label_dim: int = 0,
    ) -> None:
        super().__init__()
        self.decoder = MaskDecoder(
            in_channels=in_channels,
            num_mask_tokens=num_mask_tokens,
            predicts_quality=False,
            depth=depth,
            num_heads=num_heads,
            mlp_dim=mlp_dim,
        )
        self.label_token = nn.Embedding(1, in_channels)
        self.label_mlp = MLP(in_channels, in_channels, label_dim, 3) if label_dim else None

    def forward(
        self,
        image_embeddings: Tensor,
        image_positions: Tensor,
        sparse_embeddings: Tensor,
        dense_embeddings: Tensor,
        image_index: Tensor,
    ) -> DecoderOutput:
        """As `MaskDecoder.forward`; `label_tokens` is (N, D) with a label head, else (N, C)."""
        output = self.decoder(
            image_embeddings,
            image_positions,
            sparse_embeddings,
            dense_embeddings,
            image_index,
            extra_tokens=self.label_token.weight,
        )
        if self.label_mlp is None:
            return output
        return DecoderOutput(output.mask_logits, output.quality, self.label_mlp(output.label_tokens))
