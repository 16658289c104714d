"""`ovsam complexity`: multiply-adds and parameters of a config's model, part by part.

Counts the published arithmetic of one image of the config's own size: convolutions, linear layers and
the matrix products of attention; parameters without buffers; the text tower left out (of semantic
segmentors only its arithmetic). Needs no weights.
What is computed is less where a fast path leaves out what nothing reads: --executed.
"""

import argparse
from pathlib import Path

from ovsam.arguments import positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("configs", nargs="*", help="config files, or names such as mini/ovsam_rn")
    add(
        "--of-tables",
        action="store_true",
        help="all configs of the full-size tables that show costs; semantic ones at 150 classes and 5"
        " crops",
    )
    add(
        "--write",
        type=Path,
        metavar="FILE",
        help="add the counts to a file; tables read configs/complexity.json",
    )
    add("--prompts", type=positive_int, default=10, metavar="N", help="of an image")
    add(
        "--classes",
        type=positive_int,
        metavar="T",
        help="of a semantic segmentor, their text features known",
    )
    add("--crops", type=positive_int, default=1, metavar="V", help="views of the image, with --classes")
    add("--json", action="store_true", help="print JSON instead of a table")
    add(
        "--executed",
        action="store_true",
        help="count what the fast paths execute, not the published arithmetic",
    )
    add(
        "--device",
        choices=("meta", "cpu"),
        default="meta",
        help="meta computes shapes only: seconds and no memory at any size",
    )
