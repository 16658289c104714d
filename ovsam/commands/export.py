"""What `ovsam export` does; its options are in `ovsam.arguments.export`."""

import argparse
import importlib.util
import json
import sys

from ovsam.commands.shared.pictures import load_model, model_info, read_words
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
    predictor = load_model(Predictor, args, device="cpu")
    model = predictor.model
    words = read_words(args.vocabulary)
    if words is not None:
        model.classifier = model.classifier.with_vocabulary(predictor.read_vocabulary(words)).eval()
    facts = model_info(predictor)
    facts["config"] = facts.pop("model")
    worst = export_folder(model, args.out, facts)
    print(json.dumps({"out": str(args.out), "largest_difference": worst}))
    print(f"licence of the weights: {predictor.origin.licence or 'not stated'}", file=sys.stderr)
    return 0
