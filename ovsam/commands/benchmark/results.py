"""What stages print, and the results file in which every run has its place."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ovsam.benchmark.provenance import Measurement
from ovsam.benchmark.signed import read_signed, write_signed
from ovsam.ops.compiling import why_not_compiled

SCHEMA = 1


def report(
    content: Mapping[str, Any], measurement: Measurement, args: argparse.Namespace, *names: str
) -> None:
    """Print a result, as JSON where that is asked for, and write it with where it comes from.

    In the file it is called after `names`, such as the stage, the architecture and the device, not after
    sizes: it replaces a result of the same name and leaves the others.

    Raises:
        ValueError: the file is of another kind, or was changed by hand.
    """
    content = {"stage": args.stage, **content, "repeats": args.repeats, "warm_up": args.warm_up}
    if getattr(args, "compile", False):
        content["compiled"] = True
    if args.json:
        print(json.dumps(content), flush=True)
    else:
        _print_lines(content, "")
    if args.write:
        runs = read_results(args.write) if args.write.is_file() else {}
        # A table's places are keys apart by dots, so a name has none.
        runs["_".join(names).replace(".", "_")] = {**content, "provenance": measurement.origin()}
        write_signed({"schema": SCHEMA, "runs": dict(sorted(runs.items()))}, args.write)


def compiled_name(args: argparse.Namespace, device: str) -> tuple[str, ...]:
    """What the name of a result ends in if ours is to run compiled.

    Raises:
        ValueError: nothing is compiled there.
    """
    if not args.compile:
        return ()
    if reason := why_not_compiled(torch.device(device)):
        raise ValueError(f"leave out --compile: {reason}")
    return ("compiled",)


def check_target(args: argparse.Namespace) -> None:
    """Raise ValueError for a results file that cannot take what is going to be measured."""
    if args.write and args.write.is_file():
        read_results(args.write)


def read_results(path: Path) -> dict[str, Any]:
    """Name -> result.

    Raises:
        ValueError: not such a file, or changed by hand.
    """
    return read_signed(path, f"measure again with `tools/benchmark.py ... --write {path}`", "runs")


def _print_lines(content: Mapping[str, Any], indent: str) -> None:
    for key, value in content.items():
        if isinstance(value, Mapping):
            print(f"{indent}{key}:")
            _print_lines(value, indent + "  ")
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            print(f"{indent}{key}: {shown}")
