"""`ovsam merge_names`: merge lists of class names, and say which names became one and why.

    ovsam merge_names v3det lvis
    ovsam merge_names v3det lvis --report work_dirs/merged.json
    ovsam merge_names --published --into configs/merged_names.json

Prints what each list adds, and the size of all. ImageNet's names come from timm, which
has lists of 21,843, 21,841, 11,221 and 10,450 synsets and not the paper's 19,167: published sizes that
contain it cannot be verified here. `--tree` takes the synsets of your own folders instead.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="named lists, in the order in which they are taken")
    add(
        "--tree",
        type=Path,
        metavar="FOLDER",
        help="a folder or tar file per class, taken last",
    )
    add("--published", action="store_true", help="all lists of the paper's table 5")
    add("--report", type=Path, metavar="FILE.json", help="write every merge and its rule")
    add("--into", type=Path, metavar="FILE.json", help="results file to write")
