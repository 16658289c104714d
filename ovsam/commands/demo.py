"""`ovsam demo`: the web page: open a picture, click, get a mask and a name.

    ovsam demo                                       what `make quickstart` has trained
    ovsam demo --model ovsam/ovsam_rn50x16_coco48_12e --weights weights.safetensors
    ovsam demo --host 0.0.0.0 --port 8080            for others too

Needs the extra `demo`: pip install 'ovsam[demo]'.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

from ovsam.datasets.pictures import read_picture
from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService, Limits
from ovsam.hub import QUICKSTART
from ovsam.predictor import Predictor

NUM_DRAWN_EXAMPLES = 6
EXAMPLE_SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--model", default=QUICKSTART,
        help="quickstart (default: what `make quickstart` has trained), a config, a folder or a hub id",
    )  # fmt: skip
    parser.add_argument("--weights", help="other weights for a config; `none` = random, to see the page")
    parser.add_argument("--weights-root", help="folder of trained stages; for quickstart: of seed_*")
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: a GPU if there is one)")
    parser.add_argument("--examples", type=Path, metavar="FOLDER", help="pictures to start with")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, this machine only")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860")
    limits = Limits()
    group = parser.add_argument_group("limits of one visitor")
    group.add_argument("--max-megabytes", type=float, default=limits.file_bytes / 1e6, metavar="N")
    group.add_argument("--max-pixels", type=int, default=limits.pixels, metavar="N")
    group.add_argument("--max-words", type=int, default=limits.words, metavar="N")
    group.add_argument("--max-seconds", type=float, default=limits.seconds, metavar="N")
    group.add_argument("--max-queue", type=int, default=limits.queue, metavar="N")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        ModuleNotFoundError: gradio is missing.
        FileNotFoundError, ValueError: no model or no examples there.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError("the web page needs gradio: pip install 'ovsam[demo]'")
    limits = limits_of(args)
    predictor = Predictor.from_pretrained(
        args.model, weights=args.weights, weights_root=args.weights_root, device=args.device
    )
    page = Page(DemoService(predictor, limits), examples_of(args.examples), about(predictor))
    print(f"{predictor.origin.config} on {predictor.device}; Ctrl-C ends", file=sys.stderr)
    try:
        page.launch(server_name=args.host, server_port=args.port)
    except OSError as error:
        raise ValueError(f"cannot serve: {error}; choose another --port") from None
    finally:
        page.downloads.close()
    return 0


def limits_of(args: argparse.Namespace) -> Limits:
    """The limits that the arguments set.

    Raises:
        ValueError: one is not above 0.
    """
    given = {
        "file_bytes": int(args.max_megabytes * 1e6),
        "pixels": args.max_pixels,
        "words": args.max_words,
        "seconds": args.max_seconds,
        "queue": args.max_queue,
    }
    for name, value in given.items():
        if value <= 0:
            raise ValueError(f"the limit of {name} must be above 0, got {value}")
    return Limits(**given)


def examples_of(folder: Path | None) -> list:
    """(name, picture) of a folder's files, or scenes of the drawn benchmark's validation split.

    Raises:
        FileNotFoundError: no pictures there.
    """
    if folder is None:
        scenes = (draw_scene(seed=0, split="val", index=index) for index in range(NUM_DRAWN_EXAMPLES))
        return [(f"scene {index}", scene.image) for index, scene in enumerate(scenes)]
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in EXAMPLE_SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"{folder} holds no pictures ({', '.join(EXAMPLE_SUFFIXES)})")
    return [(path.name, read_picture(path)) for path in paths]


def about(predictor: Predictor) -> str:
    """What the page says of its model, Markdown."""
    origin = predictor.origin
    licence = origin.licence or "not stated"
    return f"Model: `{origin.config}`. Licence of the weights: {licence}."
