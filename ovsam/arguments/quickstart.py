"""`ovsam quickstart`: the whole method in miniature: data, every stage, table, pictures, report.

Leaves table.md, results.json, timing.json, curves.png, pictures/ and report.html in
work_dirs/quickstart/. If it was interrupted, run it again: finished stages are kept. Uses a GPU if there
is one.
"""

import argparse
import shlex
from pathlib import Path

from ovsam.arguments import add_config_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="use seeds 0..N-1")
    parser.add_argument(
        "--root", type=Path, default=Path("work_dirs/quickstart"), help="where everything goes"
    )
    parser.add_argument("--slots", type=int, default=2, metavar="N", help="stages side by side")
    parser.add_argument("--fresh", action="store_true", help="first remove what earlier runs left")
    suites = parser.add_mutually_exclusive_group()
    suites.add_argument(
        "--ablations",
        dest="suite",
        action="store_const",
        const="ablations",
        default="quickstart",
        help="train adapters and ablations too; reuses what is trained",
    )
    suites.add_argument(
        "--semantic",
        dest="suite",
        action="store_const",
        const="semantic",
        help="train CAT-Seg and ESC-Net instead; reuses the small SAM; results go to ROOT/semantic",
    )
    parser.add_argument("--list", action="store_true", help="print the stages and stop")
    add_config_options(parser, "train_cfg.max_epochs=1, in every training; for trials")
    parser.add_argument(
        "--data-options",
        type=shlex.split,
        default=[],
        metavar="TEXT",
        help="options of prepare_data; for trials",
    )
