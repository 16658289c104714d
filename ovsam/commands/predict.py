"""What `ovsam predict` does; its options are in `ovsam.arguments.predict`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.commands.shared import predict_semantic
from ovsam.commands.shared.pictures import (
    each_picture,
    find_pictures,
    load_model,
    model_info,
    overlay_side,
    read_words,
    save_overlay,
    short_names,
    show_model,
)
from ovsam.files import write_json
from ovsam.inference.everything import EverythingSegmenter, GridSettings
from ovsam.inference.predictor import Predictor
from ovsam.integrations.files import coco_json, csv_text
from ovsam.structures.prediction import Prediction
from ovsam.visualization.overlays import Objects, draw_objects


def run(args: argparse.Namespace) -> int:
    """Predict and write; 1 if some pictures could not be read.

    Raises:
        FileNotFoundError: no picture at all.
        ValueError: prompts, vocabulary or numbers that do not fit together.
    """
    _check(args)
    paths = find_pictures(args.images)
    if args.semantic:
        return predict_semantic.run(args, paths)
    predictor = load_model(Predictor, args, device=args.device, max_pixels=args.max_pixels)
    show_model(predictor)
    predictor.set_vocabulary(read_words(args.vocabulary))
    args.out.mkdir(parents=True, exist_ok=True)
    names = short_names(paths)
    found: dict[str, Prediction] = {}

    def answer(path: Path) -> None:
        prediction, picture = predict_one(predictor, path, args)
        found[names[path]] = prediction
        print(json.dumps({"image": str(path), "objects": _lines(prediction)}), flush=True)
        if not args.no_overlays:
            target = args.out / Path(names[path]).with_suffix(".overlay.png")
            save_overlay(draw_prediction(picture, prediction, args), target)

    code = each_picture(paths, answer)
    if found:
        write_json(coco_json(found, model_info(predictor)), args.out / "predictions.json")
        (args.out / "predictions.csv").write_text(csv_text(found), encoding="utf-8")
        print(f"pictures: {len(found)} -> {args.out}", file=sys.stderr)
    return code


def predict_one(
    predictor: Predictor, path: Path, args: argparse.Namespace
) -> tuple[Prediction, NDArray[np.uint8]]:
    """The prediction on one picture, and the picture."""
    encoded = predictor.encode(path)
    if args.everything or args.find:
        settings = GridSettings(
            points_per_side=args.points_per_side, layers=args.layers, min_stability=args.min_stability
        )
        segmenter = EverythingSegmenter(predictor, settings)
        found = segmenter(encoded, keep=args.find, top_k=args.top, parents=args.parents)
        return found, encoded.picture
    points, labels = clicks(args.point)
    if points is not None and args.box and len(args.box) > 1:
        raise ValueError("--point goes with one --box at most: several --box are several objects")
    found = predictor.predict(
        points=points,
        point_labels=labels,
        boxes=args.box,
        multimask=args.multimask,
        top_k=args.top,
        parents=args.parents,
        image=encoded,
    )
    return found, encoded.picture


def clicks(given: Sequence[Sequence[float]] | None) -> tuple[Any, Any]:
    """Points (P, 2) and labels (P,) of the --point arguments, or two None.

    Raises:
        ValueError: a point that is not X Y or X Y LABEL.
    """
    if not given:
        return None, None
    for values in given:
        if len(values) not in (2, 3):
            raise ValueError(f"--point takes X Y, or X Y and 1 or 0, got {' '.join(map(str, values))}")
    return [values[:2] for values in given], [values[2] if len(values) == 3 else 1 for values in given]


def draw_prediction(
    picture: NDArray[np.uint8], prediction: Prediction, args: argparse.Namespace
) -> NDArray[np.uint8]:
    """Masks, names and prompts on the picture."""
    names = [
        name if prediction.scores is None else f"{name} {prediction.scores[row]:.2f}"
        for row, name in enumerate(prediction.names)
    ]
    boxes = points = None
    if not (args.everything or args.find):
        rows = prediction.prompt_index
        if args.box:
            boxes = np.array(args.box, np.float32)[rows]
        if args.point:
            xy, labels = clicks(args.point)
            points = [np.column_stack([xy, labels])] * len(prediction)
    objects = Objects(masks=prediction.masks, boxes=boxes, points=points, names=names)
    return draw_objects(np.ascontiguousarray(picture), objects, overlay_side(prediction.size))


def _check(args: argparse.Namespace) -> None:
    ways = [bool(args.box or args.point), args.everything or bool(args.find), args.semantic]
    if sum(ways) != 1:
        raise ValueError(
            "say what to segment: --box and --point, or --everything, or --find WORD ..., or --semantic"
        )
    if not args.semantic and predict_semantic.is_asked(args):
        raise ValueError("--views and --threshold go with --semantic")
    if args.parents and args.semantic:
        raise ValueError("--parents goes with --box, --point, --everything and --find")
    if args.multimask and args.semantic:
        raise ValueError("--multimask goes with --box and --point")
    if args.multimask and ways[1]:
        raise ValueError(
            "--multimask goes with --box and --point; --everything uses all masks by itself"
        )


def _lines(prediction: Prediction) -> list[dict[str, Any]]:
    lines = [
        {
            "name": name,
            "score": None if prediction.scores is None else round(float(prediction.scores[row]), 4),
            "mask_score": round(float(prediction.mask_scores[row]), 4),
            "box": [round(value, 1) for value in prediction.boxes[row].tolist()],
            "top": [
                [other, round(prob, 4)]
                for other, prob in (prediction.top[row] if prediction.top else ())
            ],
        }
        for row, name in enumerate(prediction.names)
    ]
    for line, groups in zip(lines, prediction.groups, strict=False):  # none, or one for each
        line["parents"] = [[level, group, round(prob, 4)] for level, group, prob in groups]
    return lines
