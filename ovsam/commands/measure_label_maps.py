"""What `ovsam measure_label_maps` does; its options are in `ovsam.arguments.measure_label_maps`."""

import argparse
import json
from collections.abc import Sequence
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import read_signed, write_signed
from ovsam.commands.shared.progress import tracked
from ovsam.datasets.shapes.classes import BASE_LABELS, CLASS_NAMES, NOVEL_LABELS
from ovsam.datasets.shapes.world import Scene, draw_scene
from ovsam.evaluation.confusion import (
    IGNORED,
    Matrix,
    background_matrices,
    class_ious,
    mean_percent,
    object_iou,
)
from ovsam.inference.semantic_predictor import SemanticPredictor

EVALUATED = sorted(BASE_LABELS | NOVEL_LABELS)
BACKGROUND = len(EVALUATED)
#: Place of each of the 80 classes among the evaluated ones, `BACKGROUND` for the others.
PLACES = np.array(
    [EVALUATED.index(k) if k in EVALUATED else BACKGROUND for k in range(len(CLASS_NAMES))]
)


def run(args: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ValueError: a model of other classes.
        FileNotFoundError: no model there.
    """
    scenes = {
        split: [draw_scene(seed=args.seed, split=split, index=index) for index in range(args.images)]
        for split in ("val", "test")
    }
    for config in args.configs:
        measurement = provenance.Measurement()
        predictors = [_predictor(config, root) for root in args.weights_root]
        tried = [summaries(one, scenes["val"], args.thresholds) for one in predictors]
        averages = [mean(rows[place]["miou"] for rows in tried) for place in range(len(args.thresholds))]
        best = int(np.argmax(averages))
        threshold = args.thresholds[best]
        found = [summaries(one, scenes["test"], [threshold])[0] for one in predictors]
        result = {
            "threshold_percent": round(100 * threshold),
            "val_miou": {
                f"{100 * t:g}": round(v, 2) for t, v in zip(args.thresholds, averages, strict=True)
            },
            "test": {key: _spread([row[key] for row in found]) for key in found[0]},
        }
        print(json.dumps({"config": config, **result}), flush=True)
        if args.into:
            content = read_signed(args.into) if args.into.is_file() else {}
            content[config] = {
                "command": "ovsam measure_label_maps",
                "weights_sha256": [sorted(one.origin.weights.values()) for one in predictors],
                "seeds": len(predictors),
                "dataset": "shapes test",
                "world_seed": args.seed,
                "num_images": args.images,
                **result,
                "provenance": measurement.origin(),
            }
            write_signed(content, args.into)
    return 0


def summaries(
    predictor: SemanticPredictor, scenes: Sequence[Scene], thresholds: Sequence[float]
) -> list[dict[str, float]]:
    """`miou` with the background, `base`, `novel`, `background` and `objects`, %, of each threshold."""
    total = np.zeros((len(thresholds), BACKGROUND + 1, BACKGROUND + 2), np.int64)
    for scene in tracked(scenes, "scenes"):
        answer = predictor.segment(scene.image)
        total += background_matrices(
            truth_of(scene), PLACES[answer.labels], answer.scores, BACKGROUND, thresholds
        )
    return [_summary(confusion) for confusion in total]


def truth_of(scene: Scene) -> NDArray[np.int64]:
    """(H, W) places of the evaluated classes and `BACKGROUND`; objects of other classes are ignored."""
    truth = np.full(scene.image.shape[:2], BACKGROUND, np.int64)
    for mask, label in zip(scene.masks, scene.labels, strict=True):
        truth[mask] = PLACES[label] if PLACES[label] != BACKGROUND else IGNORED
    return truth


def _summary(confusion: Matrix) -> dict[str, float]:
    ious = class_ious(confusion)
    parts = {
        "miou": range(BACKGROUND + 1),
        "base": [place for place, label in enumerate(EVALUATED) if label in BASE_LABELS],
        "novel": [place for place, label in enumerate(EVALUATED) if label in NOVEL_LABELS],
        "background": [BACKGROUND],
    }
    found = {key: mean_percent(ious, list(places)) or 0.0 for key, places in parts.items()}
    return {**found, "objects": 100 * object_iou(confusion)}


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and sample standard deviation over the seeds; of one seed no deviation."""
    found = {"mean": round(mean(values), 2)}
    return found | ({"sd": round(stdev(values), 2)} if len(values) > 1 else {})


def _predictor(config: str, root: str) -> SemanticPredictor:
    predictor = SemanticPredictor.from_pretrained(config, weights_root=root)
    if tuple(predictor.vocabulary.names) != tuple(CLASS_NAMES):
        raise ValueError(
            f"{config} names {predictor.vocabulary.name!r}, expected a model whose vocabulary is the"
            f" {len(CLASS_NAMES)} classes of `shapes`"
        )
    return predictor
