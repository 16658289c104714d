"""`ovsam quickstart`: the whole method in miniature: data, every stage, table, pictures, report.

Leaves table.md, results.json, timing.json, curves.png, pictures/ and report.html in
work_dirs/quickstart/. If it was interrupted, run it again: finished stages are kept. Uses a GPU if there
is one.
"""

import argparse
import shlex
from pathlib import Path

from ovsam.arguments import add_config_options, positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("--seeds", type=positive_int, default=1, metavar="N", help="use seeds 0..N-1")
    add("--root", type=Path, default=Path("work_dirs/quickstart"), help="where everything goes")
    add("--slots", type=positive_int, default=2, metavar="N", help="stages side by side")
    add("--fresh", action="store_true", help="first remove what earlier runs left")
    suite = parser.add_mutually_exclusive_group().add_argument
    suite(
        "--ablations",
        dest="suite",
        action="store_const",
        const="ablations",
        default="quickstart",
        help="train adapters and ablations too; reuses what is trained",
    )
    suite(
        "--pretrain",
        dest="suite",
        action="store_const",
        const="pretrain",
        help="train the small CLIP and the small SAM, whose weights come with the package, again; hours",
    )
    suite(
        "--semantic",
        dest="suite",
        action="store_const",
        const="semantic",
        help="train CAT-Seg and ESC-Net instead; results go to ROOT/semantic",
    )
    suite(
        "--joint",
        dest="suite",
        action="store_const",
        const="joint",
        help="train on boxes and image labels too, test out of 24,000 names; results in ROOT/joint",
    )
    add("--list", action="store_true", help="print the stages and stop")
    add_config_options(parser, "train_cfg.max_epochs=1, in every training; for trials")
    add(
        "--data-options",
        type=shlex.split,
        default=[],
        metavar="TEXT",
        help="options of prepare_data; for trials",
    )
