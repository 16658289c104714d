"""What `ovsam export` does; its options are in `ovsam.arguments.export`."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from ovsam.commands.shared.pictures import read_words
from ovsam.export import export_folder
from ovsam.inference.predictor import Predictor

NEEDED = ("onnx", "onnxruntime", "onnxscript")


def run(args: argparse.Namespace) -> int:
    """Export and check.

    Raises:
        ExportError: a model that cannot be exported, or files that differ from it.
        ValueError: a package of the extra is missing.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"the export needs {', '.join(missing)}: pip install 'ovsam[export]'")
    predictor = Predictor.from_pretrained(
        args.model, weights=args.weights, weights_root=args.weights_root, device="cpu"
    )
    model, origin = predictor.model, predictor.origin
    words = read_words(args.vocabulary)
    if words is not None:
        model.classifier = model.classifier.with_vocabulary(predictor.read_vocabulary(words)).eval()
    facts = {
        "config": origin.config,
        "weights_licence": origin.licence,
        "weights": {Path(name).name: digest for name, digest in origin.weights.items()},
    }
    worst = export_folder(model, args.out, facts)
    print(json.dumps({"out": str(args.out), "largest_difference": worst}))
    print(f"licence of the weights: {origin.licence or 'not stated'}", file=sys.stderr)
    return 0
