"""Stage `vocabulary`: class names to vectors, beside open_clip's text tower on the same weights."""

import argparse
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.results import report
from ovsam.commands.benchmark.turns import curve, in_turn, relative_error
from ovsam.commands.shared.options import chosen_device
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.text.class_embeddings import embed_strings
from ovsam.models.text.clip_text import CHUNK, ClipTextEncoder

TEMPLATE = "a photo of a {}."


def run(args: argparse.Namespace) -> None:
    """Measure and report."""
    device, measurement = chosen_device(args.device), Measurement()
    torch.manual_seed(0)
    with torch.device(device):
        encoder = ClipTextEncoder(architecture=args.architecture).eval()
    names = get_vocabulary("lvis_v1").names

    def measure(num: int) -> dict[str, Any]:
        asked = list(islice(cycle(names), num))

        def ours() -> Tensor:
            return embed_strings(encoder, asked, [TEMPLATE])

        def peer() -> Tensor:
            ids = encoder.token_ids([TEMPLATE.format(name) for name in asked])
            return torch.cat([F.normalize(encoder.text(part), dim=-1) for part in ids.split(CHUNK)])

        with torch.no_grad():
            return {
                **in_turn(ours, peer, device, args),
                "relative_error": relative_error(ours(), peer()),
            }

    content = {
        "device": device,
        "precision": "float32",
        "architecture": args.architecture,
        "peer": "open_clip's text tower, all of its context length",
        **curve("classes", args.classes, measure),
    }
    report(content, measurement, args, args.stage, args.architecture, device)
