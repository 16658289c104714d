"""Stage `vocabulary`: class names to vectors, beside open_clip's text tower on the same weights."""

import argparse
from itertools import cycle, islice

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.turns import in_turn, relative_error, report
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
    classes = {}
    with torch.no_grad():
        for num in sorted(set(args.classes)):
            asked = list(islice(cycle(names), num))

            def ours(asked: list[str] = asked) -> Tensor:
                return embed_strings(encoder, asked, [TEMPLATE])

            def peer(asked: list[str] = asked) -> Tensor:
                ids = encoder.token_ids([TEMPLATE.format(name) for name in asked])
                return torch.cat([F.normalize(encoder.text(part), dim=-1) for part in ids.split(CHUNK)])

            found = in_turn(ours, peer, device, args)
            classes[str(num)] = {**found, "relative_error": relative_error(ours(), peer())}
    content = {
        "device": device,
        "precision": "float32",
        "architecture": args.architecture,
        "peer": "open_clip's text tower, all of its context length",
        **classes[str(max(args.classes))],
        "classes": classes,
    }
    report(content, measurement, args)
