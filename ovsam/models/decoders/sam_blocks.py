"""SAM's mask decoder, batched over the prompts of several images.

Source: Kirillov et al., Segment Anything, appendix A, "Lightweight mask decoder"; transformer and
MLP of the segment_anything package. Differs in that each prompt names its image, so one call
decodes a whole batch, and in that extra tokens may stand before SAM's own.
"""

from typing import Any

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from segment_anything.modeling.transformer import TwoWayTransformer
from torch import Tensor, nn

from ovsam.models.decoders.shared_image import ProjectedImage, two_way, upscaled_masks
from ovsam.models.outputs import DecoderOutput
from ovsam.ops.cuda_graphs import CudaGraphs
from ovsam.ops.order import in_order
from ovsam.registry import MODELS

MIN_PLACES = 1024  # of the image embedding, from which on even one prompt is faster by `shared_image`
MAX_TOKENS = 16  # of a prompt: with more, projecting the image takes fewer multiply-adds
MIN_PROMPTS = 3  # of an image: so many are faster on any grid, and worth projecting it once for all
GRAPH_PROMPTS = 16  # of an image: with more, launches take less time than what is filled up would
CPU_PLACES = 16_384  # of the maps of all prompts that are decoded at once on a CPU: more leave its cache


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

    Attributes:
        is_fast: predict prompts of one image as `shared_image` does. False decodes each on a copy of its
            image, as published counts do (`benchmark.complexity`).
        is_compiled: on a GPU, launch this as one CUDA graph for up to 16 prompts of an image.
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
        self.is_fast = True
        self.is_compiled = False
        self._graphs = CudaGraphs()
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

    def train(self, mode: bool = True) -> "MaskDecoder":
        """As torch's; a training gets the memory of the graphs."""
        if mode:
            self._graphs.clear()
        return super().train(mode)

    def _apply(self, *given: Any, **options: Any) -> "MaskDecoder":
        self._graphs.clear()  # weights move, or change their type
        return super()._apply(*given, **options)

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
        first_mask = len(output_tokens) - self.num_mask_tokens
        maps = (image_embeddings, image_positions, dense_embeddings)
        decode = self._decode_by_image if self._is_shared(*maps, tokens) else self._decode
        tokens, mask_logits = decode(*maps, tokens, image_index, slice(first_mask, len(output_tokens)))
        return DecoderOutput(
            mask_logits=mask_logits,
            quality=self.iou_prediction_head(tokens[:, first_mask - 1]) if own else None,
            label_tokens=None if extra_tokens is None else tokens[:, 0],
        )

    def _decode(
        self,
        embeddings: Tensor,
        positions: Tensor,
        dense: Tensor,
        tokens: Tensor,
        image_index: Tensor,
        mask_places: slice,
    ) -> tuple[Tensor, Tensor]:
        """Tokens (N, T, C), of which those at `mask_places` make masks -> (N, T, C), (N, M, 4h, 4w).

        Of the tokens found, those behind `mask_places` may be missing.
        """
        keys = embeddings[image_index] + dense  # (B, C, h, w) -> (N, C, h, w)
        # The package's transformer wants a position map per prompt; expand makes a view.
        tokens, keys_out = self.transformer(keys, positions.expand(tokens.shape[0], -1, -1, -1), tokens)
        upscaled = self.output_upscaling(keys_out.transpose(1, 2).reshape(keys.shape))
        kernels = self._kernels(tokens[:, mask_places])
        return tokens, torch.einsum("nmc,nchw->nmhw", kernels, upscaled)

    def _is_shared(self, embeddings: Tensor, positions: Tensor, dense: Tensor, tokens: Tensor) -> bool:
        """Whether to decode by image: in prediction without mask prompts, a large image or many prompts.

        Elsewhere it is slower; export and published counts take the plain way.
        """
        if not self.is_fast or torch.is_grad_enabled() or torch.compiler.is_exporting():
            return False
        is_large = positions.shape[2] * positions.shape[3] >= MIN_PLACES
        is_large = is_large or len(tokens) >= MIN_PROMPTS * len(embeddings)
        has_few_tokens = len(tokens) > 0 and tokens.shape[1] <= MAX_TOKENS
        return is_large and has_few_tokens and len(dense) == 1 and not embeddings.is_meta

    def _decode_by_image(
        self,
        embeddings: Tensor,
        positions: Tensor,
        dense: Tensor,
        tokens: Tensor,
        image_index: Tensor,
        mask_places: slice,
    ) -> tuple[Tensor, Tensor]:
        """As `_decode`; prompts of one image share what the first layer reads (`shared_image`)."""
        size = (positions.shape[2], positions.shape[3])
        images = (embeddings + dense).flatten(2).mT.contiguous()  # (B, C, h, w) -> (B, P, C)
        places = positions[0].flatten(1).mT.contiguous()  # (C, h, w) -> (P, C)
        is_cpu = tokens.device.type == "cpu"
        at_once = max(1, CPU_PLACES // len(places)) if is_cpu else len(tokens)
        parts, order = [], []
        for index in image_index.unique().tolist():
            own, image = (image_index == index).nonzero()[:, 0], images[index]
            if self._has_graph(tokens, len(own)):
                parts.append(self._replayed(image, places, tokens[own], mask_places, size))
                order.append(own)
                continue
            projected = self._projected(image, places, len(own))
            for rows in own.split(at_once):
                given = (image, places, tokens[rows])
                parts.append(self._decode_together(*given, mask_places, size, projected))
                order.append(rows)
        found_tokens, mask_logits = (in_order(part, order) for part in zip(*parts, strict=True))
        return found_tokens, mask_logits

    def _projected(self, image: Tensor, places: Tensor, num: int) -> ProjectedImage | None:
        """What `num` prompts of an image share, if they are enough for it."""
        return ProjectedImage.of(self.transformer, image, places) if num >= MIN_PROMPTS else None

    def _decode_together(
        self,
        image: Tensor,
        places: Tensor,
        tokens: Tensor,
        mask_places: slice,
        size: tuple[int, int],
        projected: ProjectedImage | None,
    ) -> tuple[Tensor, Tensor]:
        """Tokens (n, T, C) of prompts on one image (P, C) -> (n, R, C) and masks (n, M, 4h, 4w)."""
        given = (image, places, tokens, mask_places.stop, projected)
        found, keys = two_way(self.transformer, *given)
        kernels = self._kernels(found[:, mask_places])
        return found, upscaled_masks(self.output_upscaling, keys, kernels, size)

    def _has_graph(self, tokens: Tensor, num: int) -> bool:
        return self.is_compiled and tokens.is_cuda and num <= GRAPH_PROMPTS

    def _replayed(
        self, image: Tensor, places: Tensor, tokens: Tensor, mask_places: slice, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """As `_decode_together`, as one launch; prompts are filled up to a power of two."""

        def decode(image: Tensor, places: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
            projected = self._projected(image, places, len(tokens))
            return self._decode_together(image, places, tokens, mask_places, size, projected)

        num = len(tokens)
        filling = tokens[:1].expand((1 << (num - 1).bit_length()) - num, -1, -1)
        inputs = (image, places, torch.cat([tokens, filling]))
        key = (mask_places.start, mask_places.stop, size)
        found, masks = self._graphs(decode, inputs, *key)
        return found[:num], masks[:num]

    def _kernels(self, mask_tokens: Tensor) -> Tensor:
        """(N, M, C) -> (N, M, C / 8)."""
        return torch.stack(
            [mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1
        )
