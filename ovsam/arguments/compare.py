"""`ovsam compare`: two results of the same test, instance by instance.

compare RUN_A RUN_B                                   folders of two tests; box prompts
compare RUN_A RUN_B --prompts center_point --output comparison
compare A/record_test_box.json B/record_test_box.json

Prints mean IoU and accuracy of A and B, their difference (B minus A) and its bootstrap interval over
images, of all instances, of base and novel classes, by size and by class. With --output also
comparison.json, comparison.md and worst.png: the objects where B loses most against A (with both
predicted masks where the tests had --keep-masks). With --into, the groups go into a results file, beside
those of other pairs of configs, kinds of prompts and seeds.
"""

import argparse
from pathlib import Path

from ovsam.arguments import natural_int, positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    for name in ("first", "second"):
        add(name, type=Path, help="record of a test, or the folder of one")
    add("--prompts", default="box", help="of the tests in folders")
    add("--split", choices=("test", "val"), default="test", help="of the tests in folders")
    add("--output", type=Path, help="folder for the comparison and the worst cases")
    add("--into", type=Path, metavar="FILE.json", help="results file to write into")
    add("--worst", type=natural_int, default=12, metavar="N", help="cases drawn; 0: none")
    add(
        "--min-instances",
        type=positive_int,
        default=20,
        metavar="N",
        help="classes with fewer instances are left out of the table by class",
    )
    add("--resamples", type=positive_int, default=2_000, metavar="N", help="of the bootstrap")
    add("--seed", type=int, default=0, help="of the bootstrap")
    add("--config", help="config of the data, where the record's is not among ours")
