"""`ovsam export`: encoder and decoder as torch.export programs and as ONNX, to run without torch.

    ovsam export --out exported                     what `make quickstart` has trained
    ovsam export --model CONFIG --weights FILE.safetensors --vocabulary names.txt --out exported
    python exported/run.py photo.jpg --box 10 20 200 180

The files are checked against the model; needs the extra `export`: pip install 'ovsam[export]'.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from ovsam.commands.shared.pictures import read_words
from ovsam.export import export_folder
from ovsam.inference.hub import QUICKSTART
from ovsam.inference.predictor import Predictor

NEEDED = ("onnx", "onnxruntime", "onnxscript")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--model", default=QUICKSTART,
        help="quickstart (default: what `make quickstart` has trained), a config, a folder or a hub id",
    )  # fmt: skip
    parser.add_argument("--weights", help="other weights for a config")
    parser.add_argument("--weights-root", help="folder of trained stages; for quickstart: of seed_*")
    parser.add_argument(
        "--vocabulary", nargs="+", metavar="WORD",
        help="class names, a .txt or .json file, or a known list (default: the model's own)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("work_dirs/export"), help="default: %(default)s"
    )


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
