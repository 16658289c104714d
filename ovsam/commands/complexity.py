"""`ovsam complexity`: multiply-adds and parameters of a config's model, part by part.

Counts the published arithmetic of one image of the config's own size: convolutions, linear layers and
the matrix products of attention; parameters without buffers; the text tower left out. Needs no weights.
What is computed is less where a fast path leaves out what nothing reads: --executed.
"""

import argparse
import json

import torch
from torch import nn

from ovsam.benchmark.complexity import Complexity, measure
from ovsam.cli import find_config
from ovsam.engine.configuration import load_config
from ovsam.registry import build_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("config", help="config file, or its name, such as mini/ovsam_rn")
    parser.add_argument("--prompts", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--executed",
        action="store_true",
        help="count what the fast paths execute, not the published arithmetic",
    )
    parser.add_argument(
        "--device",
        choices=("meta", "cpu"),
        default="meta",
        help="meta (default) computes shapes only: seconds and no memory at any size",
    )


def run(args: argparse.Namespace) -> int:
    """Count and print.

    Raises:
        FileNotFoundError: unknown config.
        ValueError: a number of prompts below 1, or a model that cannot be counted.
    """
    config = load_config(find_config(args.config))
    model = build_on(config.model, args.device)
    found = measure(model, args.prompts, is_executed=args.executed)
    print(json.dumps(found.to_dict()) if args.json else _table(found, args.executed))
    return 0


def build_on(model_config: object, device: str) -> nn.Module:
    """Build a model with its parameters on `device` and class vectors of zeros: no text is encoded."""
    with torch.device(device):
        model = build_model(model_config)
        classifier = getattr(model, "classifier", None)
        if classifier is not None:
            encoder = classifier.text_encoder or model.backbone
            synonyms = max(map(len, classifier.vocabulary.classes))
            classifier.embeddings_from(
                torch.zeros(len(classifier.vocabulary), synonyms, encoder.embed_dim)
            )
    return model


def _table(found: Complexity, is_executed: bool) -> str:
    rows = [(name, part.params, part.macs) for name, part in found.parts.items()]
    rows += [("all", found.params, found.macs)]
    title = f"MACs (G), {found.num_prompts} prompts" + (", executed" if is_executed else "")
    lines = [f"{'part':<20}{'params (M)':>14}{title:>36}"]
    lines += [f"{name:<20}{params / 1e6:>14,.3f}{macs / 1e9:>36,.3f}" for name, params, macs in rows]
    return "\n".join(lines)
