"""`ovsam measure_names`: how well the small CLIP tells 24,000 names apart, also those that it never saw.

    ovsam measure_names
    ovsam measure_names --into configs/mini/names.json

Draws pictures of one object each, and looks for its name among all 24,000: of plain things, of patterned
things that pre-training may have shown, and of combinations that it never showed.
"""

import argparse
from pathlib import Path

from ovsam.arguments import positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("--config", default="mini/clip_rn", help="config of the CLIP")
    add("--weights", default="shapes_clip_rn", help="released name, file, or config stem")
    add("--weights-root", default="work_dirs/mini", help="folder of trained stages")
    add("--pictures", type=positive_int, default=1000, metavar="N", help="of each group of names")
    add("--seed", type=int, default=1, help="of the drawn world; pre-training draws world 0")
    add("--into", type=Path, metavar="FILE.json", help="results file to write")
