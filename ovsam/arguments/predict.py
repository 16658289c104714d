"""`ovsam predict`: masks and names for boxes, clicks, everything or every pixel of your own pictures.

    ovsam predict photo.jpg --box 10 20 200 180 --vocabulary cat dog "street sign"
    ovsam predict photo.jpg --point 120 80 --point 30 40 0        (0 = not this)
    ovsam predict photos/ --everything --out found
    ovsam predict 'photos/*.png' --find cat dog
    ovsam predict photo.jpg --semantic --vocabulary road tree sky person --model MODEL

Writes to --out an overlay of each picture, predictions.json (COCO, run-length codes) and
predictions.csv, and prints one JSON line per picture. Boxes and points are in pixels of the picture.
Each --box is an object of its own; all --point together mean one object.

With --semantic a semantic model (CAT-Seg, ESC-Net) gives every pixel one of the names. It writes an
overlay with a legend, a label map (PNG of 8 bits, or 16 for more than 255 names; 0 = none of them) and
semantic.json with ids, names, areas and scores.
"""

import argparse
from pathlib import Path

from ovsam.arguments import add_device_option, add_model_options, add_vocabulary_option, positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="picture, folder, or pattern such as 'a/*.png'")
    what = parser.add_argument_group("what to segment").add_argument
    what(
        "--box",
        nargs=4,
        type=float,
        action="append",
        metavar=("X0", "Y0", "X1", "Y1"),
        help="one object",
    )
    what(
        "--point",
        nargs="+",
        type=float,
        action="append",
        metavar="X Y [1|0]",
        help="a click on the object, or with 0 next to it; all clicks mean one object",
    )
    what("--everything", action="store_true", help="all objects")
    what("--find", nargs="+", metavar="WORD", help="all objects of these names")
    what("--semantic", action="store_true", help="one of the names for every pixel")
    what("--multimask", action="store_true", help="all masks of an ambiguous prompt")
    what(
        "--points-per-side", type=int, default=32, metavar="N", help="for --everything: clicks per side"
    )
    what("--layers", type=int, default=0, metavar="N", help="for --everything: layers of crops")
    what(
        "--min-stability",
        type=float,
        default=0.75,
        metavar="S",
        help="for --everything: 0..1, higher drops more unsure masks",
    )
    semantic = parser.add_argument_group("for --semantic").add_argument
    semantic(
        "--views",
        choices=("model", "whole", "five"),
        help="how the model sees a picture: as in its tests (default), whole, or as five views: finer,"
        " five times the work",
    )
    semantic(
        "--threshold",
        type=float,
        metavar="P",
        help="leave a pixel without a name if the best one is less probable, 0 to 1 (default: 0,"
        " every pixel gets the best name, even if none fits)",
    )
    names = parser.add_argument_group("names")
    add_vocabulary_option(names)
    names.add_argument(
        "--parents",
        metavar="shapes|FILE.json",
        help="also print what the names have in common: colour, shape and pattern of drawn things, or"
        ' the hypernyms of a JSON file {"brown bear": "bear", ...}',
    )
    names.add_argument("--top", type=positive_int, default=5, metavar="K", help="best names kept")
    model = parser.add_argument_group("model")
    add_model_options(model)
    add_device_option(model)
    add("--out", type=Path, default=Path("work_dirs/predict"), help="folder to write")
    add("--no-overlays", action="store_true", help="write JSON and CSV only")
    add(
        "--max-pixels",
        type=positive_int,
        default=100_000_000,
        metavar="N",
        help="refuse larger pictures",
    )
