"""Inputs to trace a model with and to compare runtimes on; the same every time."""

import torch
from torch import Tensor, nn

from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.structures.prompts import Role


def example_image(model: OpenVocabSam) -> Tensor:
    """(1, 3, S, S): smooth noise, the same every time."""
    side = model.data_preprocessor.size
    coarse = torch.randn(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(coarse, (side, side), mode="bicubic")


def example_prompts(
    model: OpenVocabSam, num: int = 3, num_classes: int = 5, kind: str = "box"
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Boxes, or two clicks and SAM's padding token, with random text embeddings of two synonyms.

    Returns:
        The decoder's last five inputs.
    """
    rng = torch.Generator().manual_seed(num * 1000 + num_classes)
    side = model.data_preprocessor.size
    corners = torch.rand(num, 2, 2, generator=rng) * side * 0.6
    if kind == "box":
        corners[:, 1] = corners[:, 0] + side * (0.1 + 0.3 * torch.rand(num, 2, generator=rng))
        roles = torch.tensor([[Role.TOP_LEFT, Role.BOTTOM_RIGHT]]).repeat(num, 1)
    else:
        corners = torch.cat([corners, torch.zeros(num, 1, 2)], dim=1)
        roles = torch.tensor([[Role.POSITIVE, Role.NEGATIVE, Role.PADDING]]).repeat(num, 1)
    text = torch.randn(num_classes, 2, model.classifier.embeddings.shape[-1], generator=rng)
    base = torch.arange(num_classes + 1) % 2 == 0
    base[-1] = False
    novel = ~base
    novel[-1] = False
    return corners, roles, nn.functional.normalize(text, dim=-1), base, novel
