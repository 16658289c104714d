"""What `ovsam predict --semantic` does: label maps of pictures with a semantic model."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ovsam.commands.shared.pictures import (
    each_picture,
    load_model,
    model_info,
    overlay_side,
    read_words,
    save_overlay,
    short_names,
    show_model,
)
from ovsam.datasets.label_maps import write_label_map
from ovsam.datasets.pictures import read_picture
from ovsam.files import write_json
from ovsam.inference.semantic_predictor import SemanticPredictor
from ovsam.integrations.semantic_files import image_entry, label_map_names, semantic_json
from ovsam.visualization.semantic import draw_prediction

RESULT_FILE = "semantic.json"


def is_asked(args: argparse.Namespace) -> bool:
    """Whether any of these arguments is given."""
    return args.views is not None or args.threshold is not None


def run(args: argparse.Namespace, paths: list[Path]) -> int:
    """Predict and write; 1 if some pictures could not be read.

    Raises:
        FileNotFoundError, ValueError: no model, or a vocabulary, number or picture that does not fit.
    """
    predictor = load_model(SemanticPredictor, args, device=args.device, max_pixels=args.max_pixels)
    show_model(predictor)
    predictor.set_vocabulary(read_words(args.vocabulary))
    args.out.mkdir(parents=True, exist_ok=True)
    names = short_names(paths)
    maps = label_map_names(list(names.values()))
    entries: list[dict[str, Any]] = []

    def answer(path: Path) -> None:
        picture = read_picture(path, max_pixels=args.max_pixels)
        prediction = predictor.segment(
            picture, views=args.views or "model", threshold=args.threshold or 0.0
        )
        name = names[path]
        write_label_map(args.out / maps[name], prediction.file_values())
        entries.append(image_entry(name, prediction, maps[name]))
        print(json.dumps({"image": str(path), "classes": entries[-1]["classes"]}), flush=True)
        if not args.no_overlays:
            overlay = draw_prediction(picture, prediction, side=overlay_side(prediction.size))
            save_overlay(overlay, args.out / maps[name].replace(".labels.png", ".overlay.png"))

    code = each_picture(paths, answer)
    if entries:
        content = semantic_json(predictor.vocabulary.names, entries, model_info(predictor))
        write_json(content, args.out / RESULT_FILE)
        print(f"pictures: {len(entries)} -> {args.out}", file=sys.stderr)
    return code
