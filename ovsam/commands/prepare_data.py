"""`prepare_data`: makes or checks the data sets under data/ (see data/README.md)."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ovsam.datasets.shapes.sheet import write_sheet
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes

DEFAULT_PLAN = ShapesPlan()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: one sub-command per data set."""
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    shapes = datasets.add_parser("shapes", help="draw the embedded benchmark")
    shapes.add_argument(
        "--root", type=Path, default=Path("data/shapes"), help="folder to write (%(default)s)"
    )
    shapes.add_argument("--size", type=int, default=DEFAULT_PLAN.size, help="side, px (%(default)s)")
    shapes.add_argument("--seed", type=int, default=DEFAULT_PLAN.seed, help="of the world (%(default)s)")
    for split in ("train", "val", "test", "distill"):
        shapes.add_argument(
            f"--{split}",
            type=int,
            default=getattr(DEFAULT_PLAN, split),
            metavar="N",
            help=f"pictures of the {split} split (%(default)s)",
        )
    shapes.add_argument(
        "--workers",
        type=int,
        default=min(os.cpu_count() or 1, 8),
        metavar="N",
        help="drawing processes (%(default)s); the files do not depend on it",
    )
    shapes.add_argument(
        "--force",
        action="store_true",
        help="replace a data set that is there: damaged, or with other settings",
    )
    shapes.add_argument(
        "--draw",
        type=Path,
        metavar="FILE.png",
        help="only draw a sheet of 48 train pictures into this file",
    )


def run(args: argparse.Namespace) -> None:
    """Prepare one data set.

    Raises:
        DataTreeError: it cannot be written, or another one stands there.
        ValueError: a number out of range.
    """
    plan = ShapesPlan(args.seed, args.size, args.train, args.val, args.test, args.distill)
    if args.workers < 1:
        raise ValueError(f"--workers must be 1 or more, got {args.workers}")
    if args.draw is not None:
        write_sheet(args.draw, seed=plan.seed, size=plan.size)
        print(f"{args.draw}: 48 pictures")
        return
    started = time.monotonic()
    with _progress("drawing shapes") as report:
        manifest, is_new = write_shapes(
            args.root, plan, workers=args.workers, force=args.force, report=report
        )
    counts = ", ".join(f"{split} {number:,}" for split, number in manifest["num_images"].items())
    if is_new:
        seconds = time.monotonic() - started
        print(f"{args.root}: {counts} images, {plan.num_images / seconds:.0f} images/s")
    else:
        print(f"{args.root}: is there already ({counts} images), left as it is")


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A live bar on a terminal, a line per quarter elsewhere; both on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _print_quarters(title)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print_quarters(title: str) -> Callable[[int, int], None]:
    reported = 0

    def report(done: int, total: int) -> None:
        nonlocal reported
        if done * 4 // total > reported:
            reported = done * 4 // total
            print(f"{title}: {done:,} of {total:,}", file=sys.stderr, flush=True)

    return report
