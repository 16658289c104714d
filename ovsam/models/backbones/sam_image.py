"""SAM's image encoder: the teacher of the distillation and the encoder of plain SAM."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn

from ovsam.interfaces import TokenAdapter
from ovsam.models.backbones.sam_block import run_block, run_neck
from ovsam.models.checkpointing import checkpointed
from ovsam.registry import MODELS, passes_options_to


@dataclass(frozen=True, kw_only=True)
class SamSpec:
    """Numbers of one encoder; the defaults are those of ViT-H."""

    embed_dim: int = 1280  # channels of a token
    depth: int = 32  # blocks
    num_heads: int = 16  # of a block
    global_attn_indexes: tuple[int, ...] = (7, 15, 23, 31)  # blocks that do not attend in windows
    window_size: int = 14  # side in tokens
    patch_size: int = 16  # side in px, the stride of the embedding
    image_size: int = 1024  # side in px
    out_channels: int = 256  # of the embedding


SAM_SPECS = {
    "vit_h": SamSpec(),
    "vit_l": SamSpec(embed_dim=1024, depth=24, num_heads=16, global_attn_indexes=(5, 11, 17, 23)),
    "vit_b": SamSpec(embed_dim=768, depth=12, num_heads=12, global_attn_indexes=(2, 5, 8, 11)),
    "mini": SamSpec(
        embed_dim=144,
        depth=7,
        num_heads=4,
        global_attn_indexes=(3, 6),
        window_size=6,
        patch_size=8,
        image_size=192,
        out_channels=64,
    ),
}


@MODELS.register_module()
@passes_options_to(SamSpec)
class SamImageEncoder(ImageEncoderViT):
    """segment-anything's ViT; the tensors below `image_encoder.` of a SAM checkpoint load strictly.

    Source: Kirillov et al., Segment Anything, appendix A (image encoder); Li et al., ViTDet.

    Args:
        architecture: preset in `SAM_SPECS`.
        numbers: fields of `SamSpec` that replace the preset's.

    Attributes:
        out_channels, stride, embedding_size: channels, stride in px and (h, w) of the image embedding.
        token_channels, image_size: channels of a token, side of the input in px.
        is_fast: run the blocks as `sam_block` does. False runs segment-anything's own ones, as published
            counts do (`benchmark.complexity`).
        is_compiled: compile these blocks on a GPU.

    Raises:
        ValueError: unknown architecture, or an image size that the patches do not divide.
    """

    def __init__(self, *, architecture: str, **numbers: Any) -> None:
        if architecture not in SAM_SPECS:
            raise ValueError(
                f"SAM architecture must be one of {sorted(SAM_SPECS)}, got {architecture!r}"
            )
        spec = replace(SAM_SPECS[architecture], **numbers)
        if spec.image_size % spec.patch_size:
            raise ValueError(
                f"image size must be a multiple of {spec.patch_size} (the patch), got {spec.image_size}"
            )
        super().__init__(
            img_size=spec.image_size,
            patch_size=spec.patch_size,
            embed_dim=spec.embed_dim,
            depth=spec.depth,
            num_heads=spec.num_heads,
            mlp_ratio=4.0,
            out_chans=spec.out_channels,
            qkv_bias=True,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=spec.window_size,
            global_attn_indexes=tuple(spec.global_attn_indexes),
        )
        self.architecture = architecture
        self.is_fast = True
        self.is_compiled = False
        self.out_channels = spec.out_channels
        self.token_channels = spec.embed_dim
        self.stride = spec.patch_size
        self.image_size = spec.image_size
        side = spec.image_size // spec.patch_size
        self.embedding_size = (side, side)
        if not self.pos_embed.is_meta:
            # SAM's code starts from zeros because it always loads weights. From scratch, a token must
            # know its place; the standard deviation is that of ViT's own position embeddings.
            torch.nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def forward(self, images: Tensor, adapter: TokenAdapter | None = None) -> Tensor:
        """(B, 3, S, S) normalised and padded -> image embedding (B, C, S / stride, S / stride).

        An `adapter` changes the tokens before the first block and after every block.
        """
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"images must be {self.image_size} x {self.image_size} px, got {tuple(images.shape)};"
                " set the preprocessor's `size` or the encoder's `image_size`"
            )
        tokens = self.patch_embed(images) + self.pos_embed  # (B, h, w, C)
        if adapter is not None:
            tokens = adapter.begin(images, tokens)
        for index, block in enumerate(self.blocks):
            # Gradients go through frozen blocks only to reach the adapter.
            to_adapter = adapter is not None and tokens.requires_grad
            tokens = checkpointed(
                run_block, block, tokens, self.is_fast, self.is_compiled, when=to_adapter
            )
            if adapter is not None:
                tokens = adapter(tokens, index)
        return run_neck(self.neck, tokens.permute(0, 3, 1, 2))  # (B, h, w, C) -> (B, C, h, w)
