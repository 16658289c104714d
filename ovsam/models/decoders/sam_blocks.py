"""SAM's mask decoder, batched over the prompts of several images.

Source: Kirillov et al., Segment Anything, appendix A, "Lightweight mask decoder"; transformer and
MLP of the segment_anything package. Differs in that each prompt names its image, so one call
decodes a whole batch, and in that extra tokens may stand before SAM's own.
"""

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from segment_anything.modeling.transformer import TwoWayTransformer
from torch import Tensor, nn

from ovsam.models.outputs import DecoderOutput
from ovsam.registry import MODELS


@MODELS.register_module()
class MaskDecoder(nn.Module):
    """Image embedding and encoded prompts to mask logits.

    With 4 mask tokens and the quality head, the tensors below `mask_decoder.` of a SAM checkpoint
    load strictly.

    Args:
        in_channels: C, channels of the image embedding and of every token; a multiple of 8.
        num_mask_tokens: masks per prompt. SAM: token 0 is for clear prompts, 1 to 3 for ambiguous ones.
        predicts_quality: with SAM's quality token and its head.
        depth, num_heads, mlp_dim: layers, heads and hidden width of the two-way transformer.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_mask_tokens: int = 4,
        predicts_quality: bool = True,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dim: int = 2048,
    ) -> None:
        super().__init__()
        self.num_mask_tokens = num_mask_tokens
        self.predicts_quality = predicts_quality
        self.transformer = TwoWayTransformer(
            depth=depth, embedding_dim=in_channels, num_heads=num_heads, mlp_dim=mlp_dim
        )
        self.mask_tokens = nn.Embedding(num_mask_tokens, in_channels)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(in_channels, in_channels // 4, kernel_size=2, stride=2),
            LayerNorm2d(in_channels // 4),
            nn.GELU(),
            nn.ConvTranspose2d(in_channels // 4, in_channels // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(in_channels, in_channels, in_channels // 8, 3) for _ in range(num_mask_tokens)
        )
        if predicts_quality:
            self.iou_token = nn.Embedding(1, in_channels)
            self.iou_prediction_head = MLP(in_channels, in_channels, num_mask_tokens, 3)

    def forward(
        self,
        image_embeddings: Tensor,
        image_positions: Tensor,
        sparse_embeddings: Tensor,
        dense_embeddings: Tensor,
        image_index: Tensor,
        extra_tokens: Tensor | None = None,
    ) -> DecoderOutput:
        """Decode N prompts of equal length; the shapes are those of `interfaces.MaskDecoder`.

        `extra_tokens` (E, C) stand before SAM's own; `label_tokens` is the output of the first.
        """
        num = sparse_embeddings.shape[0]  # not len(): torch.export keeps a shape variable
        own = [self.iou_token.weight] if self.predicts_quality else []
        before = own if extra_tokens is None else [extra_tokens, *own]
        output_tokens = torch.cat([*before, self.mask_tokens.weight])  # (L, C)
        tokens = torch.cat([output_tokens.expand(num, -1, -1), sparse_embeddings], dim=1)
        keys = image_embeddings[image_index] + dense_embeddings  # (B, C, h, w) -> (N, C, h, w)
        # The package's transformer wants a position map per prompt; expand makes a view.
        tokens, keys_out = self.transformer(keys, image_positions.expand(num, -1, -1, -1), tokens)

        first_mask = len(output_tokens) - self.num_mask_tokens
        mask_tokens = tokens[:, first_mask : len(output_tokens)]  # (N, M, C)
        return DecoderOutput(
            mask_logits=self._masks(mask_tokens, keys_out.transpose(1, 2).reshape(keys.shape)),
            quality=self.iou_prediction_head(tokens[:, first_mask - 1]) if own else None,
            label_tokens=None if extra_tokens is None else tokens[:, 0],
        )

    def _masks(self, mask_tokens: Tensor, embeddings: Tensor) -> Tensor:
        """(N, M, C) and (N, C, h, w) -> (N, M, 4h, 4w)."""
        upscaled = self.output_upscaling(embeddings)  # (N, C, h, w) -> (N, C / 8, 4h, 4w)
        kernels = torch.stack(
            [mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1
        )  # (N, M, C / 8)
        return torch.einsum("nmc,nchw->nmhw", kernels, upscaled)
