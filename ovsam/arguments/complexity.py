"""`ovsam complexity`: multiply-adds and parameters of a config's model, part by part.

Counts the published arithmetic of one image of the config's own size: convolutions, linear layers and
the matrix products of attention; parameters without buffers; the text tower left out (of semantic
segmentors only its arithmetic). Needs no weights.
What is computed is less where a fast path leaves out what nothing reads: --executed.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("configs", nargs="*", help="config files, or names such as mini/ovsam_rn")
    parser.add_argument(
        "--of-tables",
        action="store_true",
        help="all configs of the full-size tables that show costs; semantic ones at 150 classes and 5"
        " crops",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="add the counts to a file; tables read configs/complexity.json",
    )
    parser.add_argument("--prompts", type=int, default=10, metavar="N", help="of an image")
    parser.add_argument(
        "--classes", type=int, metavar="T", help="of a semantic segmentor, their text features known"
    )
    parser.add_argument(
        "--crops", type=int, default=1, metavar="V", help="views of the image, with --classes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--executed",
        action="store_true",
        help="count what the fast paths execute, not the published arithmetic",
    )
    parser.add_argument(
        "--device",
        choices=("meta", "cpu"),
        default="meta",
        help="meta computes shapes only: seconds and no memory at any size",
    )
