"""`ovsam measure_label_maps`: how well a threshold of the score tells objects from the background.

    ovsam measure_label_maps mini/escnet mini/catseg --weights-root work_dirs/quickstart/seed_*
    ovsam measure_label_maps mini/escnet --weights-root work_dirs/quickstart/seed_* --into FILE.json

On scenes of the drawn benchmark, all its names asked for: mean IoU over the classes of base and novel
and the background. Each config's threshold is the best of those tried on the validation split, over all
its seeds; what is kept is of the test split. A results file keeps several configs.
"""

import argparse
from pathlib import Path

from ovsam.arguments import fraction, positive_int

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(20))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("configs", nargs="+", metavar="CONFIG", help="semantic models, such as mini/escnet")
    add(
        "--weights-root",
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="of trained stages, one of each seed",
    )
    add("--seed", type=int, default=0, help="of the drawn world")
    add("--images", type=positive_int, default=200, metavar="N", help="drawn scenes")
    add(
        "--thresholds",
        nargs="+",
        type=fraction,
        default=THRESHOLDS,
        metavar="T",
        help="scores to try (default: 0 to 0.95 by 0.05)",
    )
    add("--into", type=Path, metavar="FILE.json", help="results file to write into")
