"""The class token's vector mixed with frozen CLIP's vector of the region, by an MLP.

Source: Yuan et al., Open-Vocabulary SAM, table 7 right, row "cls token & CLIP MLP fusion". No source
says how the two meet; ours gives both, at unit length and side by side, to an MLP of two layers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.registry import MODELS


@MODELS.register_module()
class ClipLabelFusion(nn.Module):
    """Two vectors of the text's space to one.

    Args:
        embed_dim: D, width of the text embedding.
    """

    def __init__(self, *, embed_dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * embed_dim, embed_dim), nn.ReLU(), nn.Linear(embed_dim, embed_dim)
        )

    def forward(self, label_vectors: Tensor, clip_vectors: Tensor) -> Tensor:
        """(N, D) of the label token and of frozen CLIP, of any length -> (N, D), not normalised."""
        # CLIP's vectors are about ten times as long as those of a fresh MLP.
        both = [F.normalize(label_vectors, dim=1), F.normalize(clip_vectors, dim=1)]
        return self.mlp(torch.cat(both, dim=1))  # 2 x (N, D) -> (N, 2D) -> (N, D)
