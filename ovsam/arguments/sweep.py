"""`ovsam sweep`: train and test a list of configs with several seeds, and make a table of them.

    ovsam sweep mini/ovsam_rn mini/ovsam_all_names --seeds 0 1 2 --with-needs
    ovsam sweep ovsam/ovsam_rn50x16_coco48_12e --seeds 0 1 --launcher torchrun --processes 8
    ovsam sweep 'escnet/escnet_*' 'catseg/*' --sets all --launcher torchrun --processes 4
    ovsam sweep 'ablations/*/*' --launcher slurm --processes 8 --jobs 4 \\
        --srun-options='-p gpu --gres=gpu:8'

Run the same command again after an interruption: finished runs are skipped, the interrupted ones resume.
A run that fails does not stop the others. A run counts as finished until its config, its options or a
run before it change; changed code of the package does not count, but every record holds its commit. The
log of a run is <root>/seed_<k>/<config>/{train,test}_<config>.log. At the end <root>/results.json and
<root>/table.md show what there is so far.
"""

import argparse
import shlex
from pathlib import Path

from ovsam.arguments import add_config_options, positive_int
from ovsam.arguments.test import add_sets_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("configs", nargs="+", help="config files, names, or patterns of names")
    add("--seeds", nargs="+", type=int, default=[0], metavar="K", help="of each config")
    add("--root", type=Path, default=Path("work_dirs/sweep"), help="where everything goes")
    add("--with-needs", action="store_true", help="add the configs whose weights the others read")
    add("--weights-root", type=Path, help="folder of trained weights that no run of the sweep makes")
    add(
        "--prompts",
        nargs="+",
        choices=("box", "center_point"),
        help="kinds of prompts (default: those of each config)",
    )
    add_sets_option(parser)
    add("--jobs", type=positive_int, default=1, metavar="N", help="runs side by side")
    add(
        "--launcher",
        choices=("none", "torchrun", "slurm"),
        default="none",
        help="what starts the processes of a run",
    )
    add("--processes", type=int, default=1, metavar="N", help="processes (GPUs) of a run")
    add("--srun-options", type=shlex.split, default=[], metavar="TEXT", help="options of srun")
    add("--list", action="store_true", help="print the commands and stop")
    add_config_options(parser, "train_cfg.max_epochs=2, in every run; for tables of your own")
