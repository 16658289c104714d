"""Options that several commands share. Modules here import nothing heavy, so that help comes at once."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Number = TypeVar("Number", int, float)


def add_config_options(parser: argparse.ArgumentParser, example: str) -> None:
    """`--cfg-options` of every command that reads a config; `example` is shown in its help."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        type=_config_option,
        default=[],
        metavar="KEY=VALUE",
        help=f"override config values, such as {example}",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that runs a config."""
    parser.add_argument("config", help="config file, or its name, such as mini/ovsam_rn")
    parser.add_argument(
        "--work-dir", type=Path, help="where results go (default: <weights_root>/<config>)"
    )
    parser.add_argument("--seed", type=natural_int, default=0, help="seed of everything random")
    parser.add_argument(
        "--launcher",
        choices=("none", "pytorch", "slurm", "mpi"),
        default="none",
        help="how several processes were started; tools/launch.sh sets it",
    )
    parser.add_argument("--offline", action="store_true", help="never use the network")
    add_config_options(parser, "train_cfg.max_epochs=2")


def add_model_options(parser: Any) -> None:
    """`--model`, `--weights` and `--weights-root` of every command that answers with a trained model."""
    parser.add_argument(
        "--model",
        help="a config, a folder, a hub id, a released name such as shapes_ovsam, or quickstart: what"
        " `make quickstart` has trained, for semantic maps `make semantic` (default: shapes_ovsam, for"
        " semantic maps shapes_escnet, which know drawn shapes; with --weights-root alone, quickstart)",
    )
    parser.add_argument("--weights", help="other weights for a config; `none` = random")
    parser.add_argument("--weights-root", help="folder of trained stages; for quickstart: of seed_*")


def add_device_option(parser: Any) -> None:
    """`--device`; None where it is left out."""
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: a GPU if there is one)")


def add_vocabulary_option(parser: Any) -> None:
    """`--vocabulary`; None where it is left out."""
    parser.add_argument(
        "--vocabulary",
        nargs="+",
        metavar="WORD",
        help="class names; a .txt or .json file; a known list, such as coco, lvis, v3det, imagenet21k or"
        " shapes22k; or a .safetensors file of `ovsam embed_vocabulary` (default: the model's own)",
    )


def positive_int(text: str) -> int:
    """A whole number of 1 or more, for `type=`."""
    return _require(int(text), text, "must be 1 or more", lambda value: value >= 1)


def natural_int(text: str) -> int:
    """A whole number of 0 or more, for `type=`."""
    return _require(int(text), text, "must be 0 or more", lambda value: value >= 0)


def natural_float(text: str) -> float:
    """A number of 0 or more, for `type=`."""
    return _require(float(text), text, "must be 0 or more", lambda value: value >= 0)


def positive_float(text: str) -> float:
    """A number above 0, for `type=`."""
    return _require(float(text), text, "must be above 0", lambda value: value > 0)


def fraction(text: str) -> float:
    """A number of 0 to 1, for `type=`."""
    return _require(float(text), text, "must be 0 to 1", lambda value: 0 <= value <= 1)


def _require(value: Number, text: str, expected: str, fits: Callable[[Number], bool]) -> Number:
    if not fits(value):
        raise argparse.ArgumentTypeError(f"{expected}, got {text}")
    return value


def _config_option(text: str) -> str:
    """`text`, where it has the form KEY=VALUE."""
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text!r}")
    if any(value.count(left) != value.count(right) for left, right in ("[]", "()")):
        raise argparse.ArgumentTypeError(f"unbalanced brackets in {text!r}")
    return text
