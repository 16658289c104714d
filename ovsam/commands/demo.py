"""What `ovsam demo` does; its options are in `ovsam.arguments.demo`."""

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np

from ovsam.commands.shared.pictures import load_model
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService, Limits
from ovsam.inference.hub import DEFAULT_MODELS, QUICKSTART, RANDOM, SHAPES_LIMITS
from ovsam.inference.predictor import Predictor
from ovsam.inference.pretrained import Pretrained
from ovsam.inference.semantic_predictor import SemanticPredictor
from ovsam.weights import WeightsError

NUM_DRAWN_EXAMPLES = 6
ALL_DRAWN = "shapes22k"
EXAMPLE_SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        ModuleNotFoundError: gradio is missing.
        FileNotFoundError, ValueError: no model or no examples there.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError("the web page needs gradio: pip install 'ovsam[demo]'")
    predictor = load_model(Predictor, args, device=args.device, compile=args.compile)
    if args.compile:
        warm_up(predictor)
    semantic = semantic_of(args, predictor)
    models = [predictor] if semantic is None else [predictor, semantic]
    limits = Limits(
        file_bytes=int(args.max_megabytes * 1e6),
        pixels=args.max_pixels,
        words=args.max_words,
        seconds=args.max_seconds,
        queue=args.max_queue,
    )
    lists = lists_of(args, predictor)
    for name in lists:
        predictor.read_vocabulary(name)  # a missing file is told before the page opens
    service = DemoService(predictor, limits, semantic, lists)
    page = Page(service, examples_of(args.examples), about(*models))
    names = " and ".join(model.origin.config for model in models)
    print(f"{names} on {predictor.device}; Ctrl-C ends", file=sys.stderr)
    for limits in dict.fromkeys(model.origin.limits for model in models if model.origin.limits):
        print(limits, file=sys.stderr)
    try:
        page.launch(server_name=args.host, server_port=args.port)
    except (OSError, OverflowError) as error:  # in use, forbidden, or no number of a port
        raise ValueError(f"cannot serve: {error}; choose another --port") from None
    finally:
        page.downloads.close()
    return 0


def warm_up(predictor: Predictor) -> None:
    """Answer a click and a box, so that the first visitors do not wait for what is compiled for them."""
    encoded = predictor.encode(np.zeros((64, 64, 3), np.uint8))
    for _ in range(2):
        predictor.predict(points=[32, 32], image=encoded)
        predictor.predict(boxes=[8, 8, 56, 56], image=encoded)


def lists_of(args: argparse.Namespace, predictor: Predictor) -> list[str]:
    """Further lists of names to offer: those asked for, else all drawn ones if the model knows some."""
    if args.lists or predictor.vocabulary is None:
        return args.lists or []
    return [ALL_DRAWN] if predictor.vocabulary.name == "shapes" else []


def semantic_of(args: argparse.Namespace, predictor: Predictor) -> SemanticPredictor | None:
    """The named semantic model, else one that knows drawn shapes beside a model that does, else None.

    Args:
        args: the command's.
        predictor: the model of the other tabs.

    Raises:
        FileNotFoundError, ValueError, WeightsError: the named one is not there, broken, or of another
            kind.
    """
    if args.semantic_model == RANDOM or (args.semantic_weights and not args.semantic_model):
        if args.semantic_weights:
            raise ValueError("--semantic-weights goes with --semantic-model CONFIG")
        return None
    if args.semantic_model:
        return SemanticPredictor.from_pretrained(
            args.semantic_model, weights=args.semantic_weights, device=args.device
        )
    if predictor.origin.limits != SHAPES_LIMITS:
        return None  # what knows drawn shapes has nothing to say to other pictures
    is_quickstart = args.model == QUICKSTART or (args.model is None and args.weights_root is not None)
    source = QUICKSTART if is_quickstart else DEFAULT_MODELS["semantic"]
    root = args.weights_root if is_quickstart else None
    try:
        return SemanticPredictor.from_pretrained(source, weights_root=root, device=args.device)
    except (FileNotFoundError, WeightsError) as error:
        print(f"no tab for semantic maps: {error}", file=sys.stderr)
        return None


def examples_of(folder: Path | None) -> list:
    """(name, picture) of a folder's files, or drawn scenes of the validation split, clear ones first.

    Raises:
        FileNotFoundError: no pictures there.
    """
    if folder is None:
        scenes = [draw_scene(seed=0, split="val", index=index) for index in range(NUM_DRAWN_EXAMPLES)]
        hidden = [1 - scene.visible_fractions.min() for scene in scenes]
        return [(f"scene {index}", scenes[index].image) for index in np.argsort(hidden, kind="stable")]
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in EXAMPLE_SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"{folder} holds no pictures ({', '.join(EXAMPLE_SUFFIXES)})")
    return [(path.name, read_picture(path)) for path in paths]


def about(*models: Pretrained) -> str:
    """Markdown about the models of the page."""
    return "\n\n".join(
        f"{'Semantic maps' if model.task == 'semantic' else 'Model'}: `{model.origin.config}`."
        f" Licence of the weights: {model.origin.licence or 'not stated'}."
        + (f" **Note:** {model.origin.limits}." if model.origin.limits else "")
        for model in models
    )
