"""Encoder and decoder as torch.export programs, and the inputs to trace and compare them with."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ovsam.export.parts import DECODER_INPUTS, ExportableDecoder, ExportableEncoder, check_exportable
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.structures.prompts import Role


@dataclass(frozen=True)
class Exported:
    """Encoder and decoder of one model, with the names of their inputs and outputs."""

    encoder: ExportedProgram
    decoder: ExportedProgram
    encoder_outputs: tuple[str, ...]
    decoder_inputs: tuple[str, ...]


def export_programs(model: OpenVocabSam) -> Exported:
    """Both parts as torch.export programs; numbers of prompts, tokens, classes and synonyms are free.

    Args:
        model: on the CPU, with its vocabulary.

    Raises:
        ExportError: see `check_exportable`.
    """
    check_exportable(model)
    model = model.eval()
    encoder, decoder = ExportableEncoder(model), ExportableDecoder(model)
    image = example_image(model)
    with torch.no_grad():
        features = encoder(image)
        inputs = (features[0], features[1], list(features[2:]), *example_prompts(model))
        prompts, tokens = Dim("prompts", max=4096), Dim("tokens", min=2, max=128)
        classes, synonyms = Dim("classes", max=65_536), Dim("synonyms", max=256)
        shapes = {
            "embedding": None,
            "feature_map": None,
            "pyramid": [None] * len(inputs[2]),
            "coordinates": {0: prompts, 1: tokens},
            "roles": {0: prompts, 1: tokens},
            "text": {0: classes, 1: synonyms},
            "base": {0: classes + 1},
            "novel": {0: classes + 1},
        }
        return Exported(
            encoder=torch.export.export(encoder, (image,)),
            decoder=torch.export.export(decoder, inputs, dynamic_shapes=shapes),
            encoder_outputs=encoder.output_names,
            decoder_inputs=(*encoder.output_names, *DECODER_INPUTS),
        )


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
