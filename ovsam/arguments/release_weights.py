"""`ovsam release_weights`: trained weights of the miniature into the package, in half precision.

    ovsam release_weights work_dirs/mini/clip_rn_128 shapes_clip_rn

Writes `NAME.safetensors` and its line of `released.json` into `ovsam/weights/small`; commit both. What
the config starts from in another released file, and training left unchanged, stays out. The same weights
give the same file. The exit code is 1 if all files together have become too large for the package.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("source", type=Path, help="weights.safetensors of a training, or its folder")
    add("name", help="such as shapes_clip_rn; an unknown name lists all")
    add(
        "--commit",
        metavar="HASH",
        help="the commit with the sources of the training, where it ran outside a clean checkout",
    )
