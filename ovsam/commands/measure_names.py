"""What `ovsam measure_names` does; its options are in `ovsam.arguments.measure_names`."""

import argparse
import json
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.cli import find_config
from ovsam.commands.shared.progress import tracked
from ovsam.datasets.shapes.classes import ALL_LOOKS, HELD_OUT_LOOKS, PLAIN_LOOKS, SEEN_LOOKS, Look
from ovsam.datasets.shapes.world import draw_single
from ovsam.engine.configuration import load_config
from ovsam.models.text.class_embeddings import embed_strings
from ovsam.registry import build_model
from ovsam.weights import load_parts

GROUPS = {"plain": PLAIN_LOOKS, "patterned": SEEN_LOOKS, "held_out": HELD_OUT_LOOKS}
KINDS = ("colour", "shape", "pattern", "second")
PARTS = ("image_encoder", "text_encoder")
BATCH = 100


def run(args: argparse.Namespace) -> int:
    """Measure, print, and write the results file if one is named."""
    config = load_config(find_config(args.config))
    model = build_model(config.model).eval()
    parts = {part: f"{args.weights}#{part}" for part in PARTS}
    digests = load_parts(model, parts, args.weights_root)
    measurement = provenance.Measurement()
    names = [look.name for look in ALL_LOOKS]
    with torch.inference_mode():
        embeddings = embed_strings(model.text_encoder, names, model.templates)
        results = {
            group: measured(model, embeddings, looks, args.pictures, args.seed)
            for group, looks in GROUPS.items()
        }
    for group, found in results.items():
        print(json.dumps({"names": group, **found}))
    if args.into:
        content = {
            "command": "ovsam measure_names",
            "config": args.config,
            "weights_sha256": sorted(digests.values()),
            "world_seed": args.seed,
            "num_pictures": args.pictures,
            "num_names": len(names),
            "names": results,
            "provenance": measurement.origin(),
        }
        write_signed(content, args.into)
    return 0


def measured(
    model: nn.Module, embeddings: Tensor, looks: Sequence[Look], num_pictures: int, seed: int
) -> dict[str, float]:
    """Percent of the pictures whose look is found, first and among the first five, and its attributes.

    Args:
        model: has `image_encoder` and `data_preprocessor`.
        embeddings: (C, D) of the names of `ALL_LOOKS`, unit length.
        looks: of which a picture each is drawn, at random.
    """
    rng = np.random.default_rng(seed)
    shown = [looks[int(place)] for place in rng.integers(len(looks), size=num_pictures)]
    size = model.image_encoder.crop_size
    ranked = []
    for start in tracked(range(0, num_pictures, BATCH), "pictures"):
        pictures = [
            torch.from_numpy(draw_single(seed=seed, index=start + place, size=size, look=look))
            for place, look in enumerate(shown[start : start + BATCH])
        ]
        batch = {"inputs": [picture.permute(2, 0, 1) for picture in pictures]}  # (s, s, 3) -> (3, s, s)
        inputs = model.data_preprocessor(batch)["inputs"]
        vectors = F.normalize(model.image_encoder.embed_crops(inputs), dim=-1)
        ranked += (vectors @ embeddings.t()).topk(5, dim=1).indices.tolist()
    answers = [[ALL_LOOKS[place] for place in row] for row in ranked]
    right = {
        "top_1": [row[0] == look for row, look in zip(answers, shown, strict=True)],
        "top_5": [look in row for row, look in zip(answers, shown, strict=True)],
    }
    for kind in KINDS:
        pairs = zip(answers, shown, strict=True)
        right[kind] = [getattr(row[0], kind) == getattr(look, kind) for row, look in pairs]
    return {name: round(100 * float(np.mean(values)), 2) for name, values in right.items()}
