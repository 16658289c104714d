"""ESC-Net's blocks: SAM's decoder transformer over CLIP's features, asked by prompts of each class.

Source: Lee et al., ESC-Net, section 3.3; transformer of the segment_anything package. What the paper
leaves open is an argument, or is named where it is decided.
"""

from collections.abc import Callable
from typing import Literal

import torch
from segment_anything.modeling.transformer import TwoWayTransformer
from torch import Tensor, nn

from ovsam.models.checkpointing import checkpointed
from ovsam.models.decoders.fusion import VisionLanguageFusion
from ovsam.models.decoders.pseudo_prompts import PseudoPromptEncoder, PseudoPromptGenerator
from ovsam.registry import MODELS

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]


class SamBlock(nn.Module):
    """Image features seen once per class by SAM's transformer, summed up by how likely each class is.

    `transformer.*`, `iou_token.weight` and `mask_tokens.weight` of SAM's mask decoder load strictly
    beside the two projections, which are new; the second only where SAM has a quality token.

    Args:
        embed_dim: D of the image features.
        channels: C, SAM's width.
        depth, num_heads, mlp_dim: of the transformer.
        num_mask_tokens: mask tokens before the prompts, as SAM was trained.
        num_quality_tokens: 1 = SAM's quality token before them; 0 for a SAM that predicts no quality.
        keeps_tokens: give SAM its own tokens with the prompts.
        tuned: `attention` = the transformer's attention layers are trained and the rest of SAM is
            frozen; `all` = everything is trained (from random weights).
        checkpoints: recompute each chunk in the backward pass instead of keeping its activations.

    Attributes:
        is_fast: leave out the last attention from tokens to image, whose result nothing reads.
    """

    def __init__(
        self,
        *,
        embed_dim: int,
        channels: int = 256,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        num_mask_tokens: int = 4,
        num_quality_tokens: int = 1,
        keeps_tokens: bool = True,
        tuned: Literal["attention", "all"] = "attention",
        checkpoints: bool = True,
    ) -> None:
        super().__init__()
        if num_quality_tokens not in (0, 1):
            raise ValueError(f"SAM has 0 or 1 quality tokens, got {num_quality_tokens}")
        if tuned not in ("attention", "all"):
            raise ValueError(f"tuned must be 'attention' or 'all', got {tuned!r}")
        self.is_fast = True
        self.keeps_tokens = keeps_tokens
        self.checkpoints = checkpoints
        self.transformer = TwoWayTransformer(
            depth=depth, embedding_dim=channels, num_heads=num_heads, mlp_dim=mlp_dim
        )
        self.iou_token = nn.Embedding(1, channels) if num_quality_tokens else None
        self.mask_tokens = nn.Embedding(num_mask_tokens, channels)
        if tuned == "attention":
            for name, parameter in self.named_parameters():
                parameter.requires_grad_("attn" in name and "norm" not in name)
        self.enter = nn.Conv2d(embed_dim, channels, kernel_size=1)
        self.leave = nn.Conv2d(channels, embed_dim, kernel_size=1)

    def forward(
        self,
        features: Tensor,
        weights: Tensor,
        correlation: Tensor,
        encode: Encode,
        positions: Tensor,
        chunk: int,
    ) -> Tensor:
        """Image features (B, D, h, w) with what SAM sees in them.

        Args:
            features: (B, D, h, w).
            weights: (B, T, h, w), sum 1 over the classes.
            correlation: (B, T, h, w) that prompts are made from.
            encode: correlation of N classes (N, h, w) -> sparse (N, L, C), dense (N, C, h, w).
            positions: (1, C, h, w).
            chunk: classes at once; 0 = all. The result does not depend on it.
        """
        entered = self.enter(features)  # (B, C, h, w)
        step = chunk or weights.shape[1]
        summed = torch.zeros_like(entered)
        for part, shares in zip(correlation.split(step, dim=1), weights.split(step, dim=1), strict=True):
            arguments = (entered, shares, part, encode, positions)
            summed = summed + checkpointed(self._seen, *arguments, when=self.checkpoints)
        # The 1x1 convolution of each class and the weighted mean commute: it is applied to the mean.
        return features + self.leave(summed)

    def _seen(
        self, entered: Tensor, shares: Tensor, correlation: Tensor, encode: Encode, positions: Tensor
    ) -> Tensor:
        """Weighted sum over t classes of an image: (B, C, h, w), (B, t, h, w) x 2 -> (B, C, h, w)."""
        batch, classes = shares.shape[:2]
        sparse, dense = encode(correlation.flatten(0, 1))  # (B t, L, C), (B t, C, h, w)
        if self.keeps_tokens:
            quality = [] if self.iou_token is None else [self.iou_token.weight]
            own = torch.cat([*quality, self.mask_tokens.weight])
            sparse = torch.cat([own.expand(len(sparse), -1, -1), sparse], dim=1)
        images = entered.repeat_interleave(classes, dim=0) + dense
        keys = self._transform(images, positions.expand(len(images), -1, -1, -1), sparse)
        maps = keys.transpose(1, 2).reshape(batch, classes, *entered.shape[1:])
        return torch.einsum("btchw,bthw->bchw", maps, shares)

    def _transform(self, images: Tensor, positions: Tensor, tokens: Tensor) -> Tensor:
        """(N, C, h, w), (N, C, h, w), (N, L, C) -> image tokens (N, h w, C)."""
        if not self.is_fast:
            return self.transformer(images, positions, tokens)[1]
        keys, places = (maps.flatten(2).transpose(1, 2) for maps in (images, positions))
        queries = tokens
        for layer in self.transformer.layers:
            queries, keys = layer(queries=queries, keys=keys, query_pe=tokens, key_pe=places)
        return keys


class EscBlock(nn.Module):
    """One round: prompts from the correlation, SAM over the features, fusion into the embedding."""

    def __init__(self, *, fusion: nn.Module, sam_block: nn.Module | None) -> None:
        super().__init__()
        self.sam_block = sam_block
        self.fusion = fusion


@MODELS.register_module()
class EscRefiner(nn.Module):
    """N blocks over the embedded correlation and the image features.

    The embedding is a residual stream. Before every block but the first, a read-out adds what the
    embedding has found to CLIP's correlation; the next prompts are made from that sum. Each block hands
    its features on to the next.

    Args:
        embed_dim: D of image and text features.
        grid: (h, w) of the features.
        generator: makes prompts.
        prompts: encodes them; None leaves SAM out of every block.
        num_blocks: N.
        channels: C of the embedding and of the image guidance.
        window: side of the fusion's windows, in tokens.
        num_heads: of the fusion.
        sam_channels, sam_heads, sam_mlp_dim: sizes of SAM's transformer.
        sam_mask_tokens, sam_quality_tokens: its own tokens, see `SamBlock`.
        keeps_tokens, tuned: see `SamBlock`.
        chunk_size: classes that go through SAM or the fusion at once; 0 = all.
        checkpoints: recompute each chunk and each fusion in the backward pass.
    """

    def __init__(
        self,
        *,
        embed_dim: int,
        grid: tuple[int, int],
        generator: PseudoPromptGenerator,
        prompts: PseudoPromptEncoder | None = None,
        num_blocks: int = 4,
        channels: int = 64,
        window: int = 12,
        num_heads: int = 4,
        sam_channels: int = 256,
        sam_heads: int = 8,
        sam_mlp_dim: int = 2048,
        sam_mask_tokens: int = 4,
        sam_quality_tokens: int = 1,
        keeps_tokens: bool = True,
        tuned: Literal["attention", "all"] = "attention",
        chunk_size: int = 32,
        checkpoints: bool = True,
    ) -> None:
        super().__init__()
        if num_blocks < 1:
            raise ValueError(f"the number of blocks must be 1 or more, got {num_blocks}")
        self.generator = generator
        self.prompts = prompts
        self.chunk_size = chunk_size
        self.checkpoints = checkpoints
        self.embedding = nn.Conv2d(1, channels, kernel_size=1)
        self.readouts = nn.ModuleList(nn.Linear(channels, 1) for _ in range(num_blocks - 1))
        for readout in self.readouts:
            nn.init.zeros_(readout.weight)  # the first prompts of every block are those of CLIP
            nn.init.zeros_(readout.bias)
        self.blocks = nn.ModuleList(
            EscBlock(
                fusion=VisionLanguageFusion(
                    embed_dim=embed_dim,
                    grid=tuple(grid),
                    channels=channels,
                    guidance_channels=channels,
                    window=window,
                    num_heads=num_heads,
                ),
                sam_block=None
                if prompts is None
                else SamBlock(
                    embed_dim=embed_dim,
                    channels=sam_channels,
                    num_heads=sam_heads,
                    mlp_dim=sam_mlp_dim,
                    num_mask_tokens=sam_mask_tokens,
                    num_quality_tokens=sam_quality_tokens,
                    keeps_tokens=keeps_tokens,
                    tuned=tuned,
                    checkpoints=checkpoints,
                ),
            )
            for _ in range(num_blocks)
        )

    def forward(self, correlation: Tensor, features: Tensor, texts: Tensor) -> Tensor:
        """Cosines (B, T, h, w), features (B, D, h, w) and unit texts (T, D) -> (B, T, h, w, C)."""
        return self.refine(correlation, features, texts)[0]

    def refine(
        self, correlation: Tensor, features: Tensor, texts: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """As `forward`, with what the prompts of each block are made from, N times (B, T, h, w)."""
        tokens = self.embedding(correlation.flatten(0, 1)[:, None])  # (B T, C, h, w)
        tokens = tokens.permute(0, 2, 3, 1).unflatten(0, correlation.shape[:2])
        asked = []
        for number, block in enumerate(self.blocks):
            refined = correlation
            if number:
                refined = correlation + self.readouts[number - 1](tokens)[..., 0]
            asked.append(refined)
            if block.sam_block is not None:
                weights = (self.generator.temperature * refined).softmax(dim=1)
                positions = self.prompts.prompt_encoder.image_positions()
                features = block.sam_block(
                    features, weights, refined, self._encode, positions, self.chunk_size
                )
            arguments = (tokens, features, texts, self.chunk_size)
            tokens = checkpointed(block.fusion, *arguments, when=self.checkpoints)
        return tokens, asked

    def _encode(self, correlation: Tensor) -> tuple[Tensor, Tensor]:
        return self.prompts(self.generator(correlation))
