"""CLIP2SAM's mask decoder: SAM's with one mask token and a label token in front.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 and table 7. In the released model the label
token attends but does not classify; table 7's class-token variants read it through an MLP.
"""

from dataclasses import replace
from typing import Any

from segment_anything.modeling.mask_decoder import MLP
from torch import Tensor, nn

from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.outputs import DecoderOutput
from ovsam.registry import MODELS, passes_options_to


@MODELS.register_module()
@passes_options_to(MaskDecoder)
class Clip2SamDecoder(nn.Module):
    """A mask decoder with a label token.

    `decoder` holds SAM's part, so SAM's tensors (mask token 0) load strictly into it.

    Args:
        in_channels: C, channels of the image embedding and of every token.
        num_mask_tokens: masks per prompt; token 0 for clear prompts, the others for ambiguous ones.
        predicts_quality: with SAM's quality token and its head.
        label_classifies: give the label token an MLP into the text's space (328,960 parameters at full
            size), so that it can classify. The released model has none.
        embed_dim: D, width of the text embedding; read only where the label token classifies.
        options: the others of `MaskDecoder`.

    Raises:
        ValueError: the label token classifies, but the width of the text embedding is missing.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_mask_tokens: int = 1,
        predicts_quality: bool = False,
        label_classifies: bool = False,
        embed_dim: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.decoder = MaskDecoder(
            in_channels=in_channels,
            num_mask_tokens=num_mask_tokens,
            predicts_quality=predicts_quality,
            **options,
        )
        self.label_token = nn.Embedding(1, in_channels)
        self.label_classifies = label_classifies
        if label_classifies:
            if embed_dim is None:
                raise ValueError(
                    "a label token that classifies needs embed_dim, the width of the text embedding"
                )
            self.label_mlp = MLP(in_channels, in_channels, embed_dim, 3)

    def forward(self, *inputs: Tensor) -> DecoderOutput:
        """As `MaskDecoder.forward`, with `label_tokens`, and `label_vectors` where they classify."""
        output = self.decoder(*inputs, extra_tokens=self.label_token.weight)
        if not self.label_classifies:
            return output
        return replace(output, label_vectors=self.label_mlp(output.label_tokens))
