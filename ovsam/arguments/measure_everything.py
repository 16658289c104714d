"""`ovsam measure_everything`: how many objects everything mode finds, and how many masks are none.

    ovsam measure_everything                         validation split, several thresholds of stability
    ovsam measure_everything --into configs/mini/everything.json
    ovsam measure_everything --split test --stability 0.75 --into configs/mini/everything.json

On scenes of the drawn benchmark. A mask is an object where their IoU is 0.5 or more, each once. Where a
threshold is to be chosen, choose it on the validation split. A results file keeps both splits.
"""

import argparse
from pathlib import Path

from ovsam.arguments import add_model_options, fraction, positive_int

STABILITIES = (0.0, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add_model_options(parser)
    add("--split", choices=("val", "test"), default="val", help="of the drawn scenes")
    add("--seed", type=int, default=0, help="of the drawn world")
    add("--images", type=positive_int, default=50, metavar="N", help="drawn scenes")
    add("--points-per-side", type=int, default=16, metavar="N", help="clicks per side")
    add(
        "--stability",
        nargs="+",
        type=fraction,
        default=STABILITIES,
        metavar="S",
        help="thresholds to try",
    )
    add("--into", type=Path, metavar="FILE.json", help="results file to write into")
