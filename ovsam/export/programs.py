"""Encoder and decoder as torch.export programs."""

from dataclasses import dataclass

import torch
from torch.export import Dim, ExportedProgram

from ovsam.export.examples import example_image, example_prompts
from ovsam.export.parts import ExportableDecoder, ExportableEncoder, check_exportable
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam


@dataclass(frozen=True)
class Exported:
    """Encoder and decoder of one model, with what they were exported from."""

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
            decoder_inputs=(
                *encoder.output_names, "coordinates", "roles", "text", "base", "novel",
            ),
        )  # fmt: skip
