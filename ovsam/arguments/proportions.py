"""`ovsam proportions`: what is how large beside what, at full size and in the miniature.

    ovsam proportions                                     costs, pictures, grids and objects, as a table
    ovsam proportions --json                              {name: {"full", "miniature", "ratio"}}
    ovsam proportions --into configs/mini/proportions.json

Built from the configs and counted without weights; `ratio` is the miniature's proportion to that of full
size. Sizes of objects are the roots of their visible areas, at five percentiles: those of photographs of
COCO were measured once, those of `shapes` are measured on its validation split, drawn anew.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--into", type=Path, metavar="FILE.json", help="results file to write")
