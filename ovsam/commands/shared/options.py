"""Options that train and test share, and how they enter a config."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction

from ovsam.cli import configs_folder, find_config
from ovsam.engine.configuration import load_config
from ovsam.files import go_offline


class Options(DictAction):
    """mmengine's `KEY=VALUE ...`, with an error of argparse's kind for what is not of that form."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, *rest: Any) -> None:
        """Collect the options; exits with the usage where one has no `=` or an open bracket."""
        for value in values:
            key, sign, text = value.partition("=")
            if not key or not sign:
                parser.error(f"--cfg-options: expected KEY=VALUE, got {value!r}")
            if any(text.count(left) != text.count(right) for left, right in ("[]", "()")):
                parser.error(f"--cfg-options: unbalanced brackets in {value!r}")
        super().__call__(parser, namespace, values, *rest)


def add_config_options(parser: ArgumentParser, example: str) -> None:
    """`--cfg-options` of every command that reads a config; `example` is shown in its help."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=Options,
        default={},
        metavar="KEY=VALUE",
        help=f"override config values, such as {example}",
    )


def add_run_arguments(parser: ArgumentParser) -> None:
    """Arguments of every command that runs a config."""
    parser.add_argument("config", help="config file, or its name, such as mini/ovsam_rn")
    parser.add_argument(
        "--work-dir", type=Path, help="where results go (default: <weights_root>/<config>)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: 0)")
    parser.add_argument(
        "--launcher",
        choices=("none", "pytorch", "slurm", "mpi"),
        default="none",
        help="how several processes were started (tools/launch.sh sets it)",
    )
    parser.add_argument("--offline", action="store_true", help="never use the network")
    add_config_options(parser, "train_cfg.max_epochs=2")


def experiment_name(path: Path) -> str:
    """Name of a config file in records, progress and tables.

    Its place below `configs/`, such as `mini/ovsam_rn` or `ablations/table7/plain_neck`; of a file
    elsewhere `<folder>/<stem>`.
    """
    folder = configs_folder().resolve()
    if path.resolve().is_relative_to(folder):
        return path.resolve().relative_to(folder).with_suffix("").as_posix()
    return f"{path.parent.name}/{path.stem}"


def prepare_config(args: Namespace) -> Config:
    """Load the config that `args` names and enter seed, launcher and folders.

    Raises:
        FileNotFoundError: unknown config.
        KeyError: unknown option.
        ValueError: negative seed, or an option with a value of the wrong kind.
    """
    if any(key.startswith("randomness") for key in args.cfg_options):
        raise ValueError("the seed of a run is given by --seed, not by --cfg-options randomness")
    if args.offline:
        go_offline()
    if args.seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {args.seed}")
    path = find_config(args.config)
    config = load_config(path, args.cfg_options)
    config.work_dir = str(args.work_dir or Path(config.get("weights_root", "work_dirs")) / path.stem)
    config.experiment_name = experiment_name(path)
    config.launcher = args.launcher
    config.changed_options = dict(args.cfg_options)
    config.env_cfg.dist_cfg.backend = "nccl" if torch.cuda.is_available() else "gloo"
    randomness = dict(config.get("randomness") or {})
    config.randomness = {**randomness, "seed": args.seed}
    if config.get("train_dataloader"):
        config.train_dataloader.dataset.seed = args.seed
    return config
