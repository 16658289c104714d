"""What `ovsam measure_everything` does; its options are in `ovsam.arguments.measure_everything`."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import read_signed, write_signed
from ovsam.commands.shared.pictures import load_model
from ovsam.commands.shared.progress import tracked
from ovsam.datasets.shapes.world import Scene, draw_scene
from ovsam.evaluation.found_objects import FoundObjects, count_found
from ovsam.inference.everything import EverythingSegmenter, GridSettings
from ovsam.inference.predictor import MaskFilter, Predictor
from ovsam.structures.prediction import Prediction


def run(args: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ValueError: settings of the grid that do not fit.
        FileNotFoundError: no model there.
    """
    settings = {
        _key(value): GridSettings(points_per_side=args.points_per_side, min_stability=value)
        for value in args.stability
    }
    predictor = load_model(Predictor, args)
    measurement = provenance.Measurement()
    scenes = [draw_scene(seed=args.seed, split=args.split, index=i) for i in range(args.images)]
    counts = measured(predictor, scenes, list(settings.values()))
    results = {}
    for (name, chosen), found in zip(settings.items(), counts, strict=True):
        results[name] = {
            "recall": round(found.recall, 2),
            "precision": round(found.precision, 2),
            "f1": round(found.f1, 2),
            "masks_per_image": round(found.masks / len(scenes), 2),
            "num_objects": found.objects,
        }
        print(json.dumps({"min_stability": chosen.min_stability, **results[name]}), flush=True)
    if args.into:
        content = read_signed(args.into) if args.into.is_file() else {}
        content[args.split] = {
            "command": f"ovsam measure_everything --split {args.split}",
            "config": predictor.origin.config,
            "weights_sha256": sorted(predictor.origin.weights.values()),
            "dataset": f"shapes {args.split}",
            "world_seed": args.seed,
            "num_images": args.images,
            "points_per_side": args.points_per_side,
            "at_stability": results,
            "provenance": measurement.origin(),
        }
        write_signed(content, args.into)
    return 0


def measured(
    predictor: Predictor, scenes: Sequence[Scene], settings: Sequence[GridSettings]
) -> list[FoundObjects]:
    """Counts over all scenes, for each of the settings."""
    counts = [FoundObjects()] * len(settings)
    for scene in tracked(scenes, "scenes"):
        encoded = predictor.encode(scene.image)
        remembering: Any = _Remembering(predictor)
        for row, chosen in enumerate(settings):
            found = EverythingSegmenter(remembering, chosen)(encoded)
            counts[row] += count_found(scene.masks, found.masks)
    return counts


class _Remembering:
    """A predictor that answers the same clicks on one picture once, whatever is wanted of the answer."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._answers: dict[bytes, Prediction] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def predict(self, *, points: Any, wanted: MaskFilter, **arguments: Any) -> Prediction:
        """As the predictor's."""
        key = points.tobytes()
        if key not in self._answers:
            self._answers[key] = self._predictor.predict(points=points, **arguments)
        found = self._answers[key]
        return found.rows(wanted(found))


def _key(stability: float) -> str:
    """In percent: a table's places are apart by dots."""
    return f"{100 * stability:g}"
