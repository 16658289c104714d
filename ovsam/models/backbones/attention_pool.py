"""CLIP's attention pool without the arithmetic whose result nothing reads."""

import torch
from open_clip.modified_resnet import AttentionPool2d
from torch import Tensor, nn
from torch.nn import functional as F


class FirstTokenPool(nn.Module):
    """open_clip's attention pool of a ResNet, with its parameters under their own names.

    The pool attends from the mean of all cells and from every cell, and returns only the answer to the
    mean. The cells are its keys and values; their own queries need not be computed.

    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
    section 2.4.

    Attributes:
        is_fast: compute the answer to the mean only. False computes all of them and drops the others, as
            published counts do (`benchmark.complexity`). The result is the same up to rounding.
    """

    def __init__(self, pool: AttentionPool2d) -> None:
        super().__init__()
        self.is_fast = True
        self.num_heads = pool.num_heads
        self.positional_embedding = pool.positional_embedding
        self.k_proj = pool.k_proj
        self.q_proj = pool.q_proj
        self.v_proj = pool.v_proj
        self.c_proj = pool.c_proj

    def forward(self, regions: Tensor) -> Tensor:
        """(N, C, g, g) -> (N, D)."""
        tokens = regions.flatten(2).permute(2, 0, 1)  # (N, C, g, g) -> (g g, N, C)
        tokens = torch.cat([tokens.mean(dim=0, keepdim=True), tokens])
        tokens = tokens + self.positional_embedding[:, None].to(tokens.dtype)  # (g g + 1, N, C)
        answers, _ = F.multi_head_attention_forward(
            query=tokens[:1] if self.is_fast else tokens,
            key=tokens,
            value=tokens,
            embed_dim_to_check=tokens.shape[-1],
            num_heads=self.num_heads,
            in_proj_weight=None,
            in_proj_bias=torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]),
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=self.c_proj.weight,
            out_proj_bias=self.c_proj.bias,
            training=False,
            need_weights=False,
            use_separate_proj_weight=True,
            q_proj_weight=self.q_proj.weight,
            k_proj_weight=self.k_proj.weight,
            v_proj_weight=self.v_proj.weight,
        )
        return answers[0]  # (1 or g g + 1, N, D) -> (N, D)
