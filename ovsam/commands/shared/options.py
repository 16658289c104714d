"""How the options of a command enter a config."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction

from ovsam.cli import configs_folder, find_config
from ovsam.engine.configuration import load_config
from ovsam.files import go_offline


def parse_options(given: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Dotted key -> value of `KEY=VALUE` arguments, by mmengine's rules for values.

    A mapping, as callers in Python give it, is copied.

    Raises:
        ValueError: no `KEY=VALUE`, or brackets that do not fit together.
    """
    if isinstance(given, Mapping):
        return dict(given)
    found = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise ValueError(f"an option is KEY=VALUE, got {text!r:.80}")
        try:
            found[key] = DictAction._parse_iterable(value)
        except (AssertionError, RecursionError):  # mmengine's words for it
            raise ValueError(
                f"option {key!r:.80}: brackets do not fit together in {value!r:.80}"
            ) from None
    return found


def experiment_name(path: Path) -> str:
    """Name of a config file in records, progress and tables.

    Its place below `configs/`, such as `mini/ovsam_rn` or `ablations/table7/plain_neck`; of a file
    elsewhere `<folder>/<stem>`.
    """
    folder = configs_folder().resolve()
    if path.resolve().is_relative_to(folder):
        return path.resolve().relative_to(folder).with_suffix("").as_posix()
    return f"{path.parent.name}/{path.stem}"


def asked_config(args: Namespace) -> Config:
    """The config that `args` names, with its options; goes offline where that is asked for.

    Raises:
        FileNotFoundError: unknown config.
        KeyError, ValueError: an option that is unknown, or has a value of the wrong kind.
    """
    if "offline" in args and args.offline:
        go_offline()
    return load_config(find_config(args.config), parse_options(args.cfg_options))


def chosen_device(given: str | None) -> str:
    """The device that `--device` names; without it a GPU if there is one.

    Raises:
        ValueError: a GPU that is not there.
    """
    has_gpu = torch.cuda.is_available()
    if given and given.startswith("cuda") and not has_gpu:
        raise ValueError(f"--device {given}: torch sees no GPU here; use --device cpu")
    return given or ("cuda" if has_gpu else "cpu")


def prepare_config(args: Namespace) -> Config:
    """Load the config that `args` names and enter seed, launcher and folders.

    Raises:
        FileNotFoundError: unknown config.
        KeyError: unknown option.
        ValueError: a seed among the options, or an option with a value of the wrong kind.
    """
    options = parse_options(args.cfg_options)
    if any(key.startswith("randomness") for key in options):
        raise ValueError("the seed of a run is given by --seed, not by --cfg-options randomness")
    config, path = asked_config(args), find_config(args.config)
    config.work_dir = str(args.work_dir or Path(config.get("weights_root", "work_dirs")) / path.stem)
    config.experiment_name = experiment_name(path)
    config.launcher = args.launcher
    config.changed_options = options
    config.env_cfg.dist_cfg.backend = "nccl" if torch.cuda.is_available() else "gloo"
    randomness = dict(config.get("randomness") or {})
    config.randomness = {**randomness, "seed": args.seed}
    if config.get("train_dataloader"):
        config.train_dataloader.dataset.seed = args.seed
    return config
