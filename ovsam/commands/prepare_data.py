"""`prepare_data`: makes or checks the data sets under data/ (see data/README.md)."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from ovsam.datasets.preparation.checks import Options, TreeReport
from ovsam.datasets.preparation.coco import check_coco
from ovsam.datasets.preparation.lvis import prepare_lvis
from ovsam.datasets.preparation.sa1b import prepare_sa1b
from ovsam.datasets.preparation.semantic import PREPARATIONS, Preparation
from ovsam.datasets.shapes.writer import SPLITS, ShapesPlan, write_shapes, write_sheet

DEFAULT_PLAN = ShapesPlan()
OPTIONS = ("workers", "force", "with_pictures", "any_number")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: one sub-command per data set."""
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    _add_shapes(datasets.add_parser("shapes", help="draw the embedded benchmark"))
    coco = datasets.add_parser("coco", help="check COCO 2017")
    _add_root(coco, "data/coco")
    _add_checks(coco)
    _add_splits(coco)
    lvis = datasets.add_parser("lvis", help="check LVIS v1, make its train file without rare classes")
    _add_root(lvis, "data/lvis")
    lvis.add_argument(
        "--images", type=Path, default=Path("data/coco"), help="folder of COCO 2017 (%(default)s)"
    )
    _add_checks(lvis)
    _add_splits(lvis)
    lvis.add_argument("--force", action="store_true", help="replace a train file that is there")
    sa1b = datasets.add_parser("sa1b", help="check parts of SA-1B, make the index of a subset")
    _add_root(sa1b, "data/sa1b")
    sa1b.add_argument(
        "--parts", nargs="+", metavar="NAME", help="folders and tar files to use (default: all there)"
    )
    sa1b.add_argument(
        "--list", type=Path, metavar="FILE", help="names of the parts, one a line, instead of --parts"
    )
    sa1b.add_argument("--name", default="subset", help="of the subset's files (%(default)s)")
    _add_checks(sa1b)
    sa1b.add_argument("--force", action="store_true", help="replace an index that is there")
    for name, preparation in PREPARATIONS.items():
        _add_label_maps(datasets.add_parser(name, help=f"label maps: {preparation.about}"), preparation)


def run(args: argparse.Namespace) -> int:
    """Prepare one data set.

    Returns:
        0, or 1 where something is missing or broken.

    Raises:
        DataTreeError: it cannot be written, or another one stands there.
        ValueError: a number out of range.
    """
    if args.workers < 1:
        raise ValueError(f"--workers must be 1 or more, got {args.workers}")
    if args.dataset == "shapes":
        return _draw_shapes(args)
    if args.dataset in PREPARATIONS:
        return _write_label_maps(args)
    with _progress(f"checking {args.dataset}") as progress:
        report = _check(args, _options(args, progress))
    print(report)
    if report.is_complete:
        print(f"{args.root} is complete")
        return 0
    print(f"{args.root} is not ready; see data/README.md for the expected tree", file=sys.stderr)
    return 1


def _check(args: argparse.Namespace, options: Options) -> TreeReport:
    if args.dataset == "coco":
        return check_coco(args.root, options, args.splits)
    if args.dataset == "lvis":
        return prepare_lvis(args.root, options, args.images, args.splits)
    parts = args.parts
    if args.list is not None:
        if parts is not None:
            raise ValueError("give --parts or --list, not both")
        parts = args.list.read_text(encoding="utf-8").split()
    return prepare_sa1b(args.root, options, parts, args.name)


def _write_label_maps(args: argparse.Namespace) -> int:
    preparation = PREPARATIONS[args.dataset]
    more = {"splits": args.splits} if preparation.has_splits else {}
    with _progress(f"label maps of {args.dataset}") as progress:
        options = _options(args, progress)
        lines = preparation.prepare(args.source, args.root, options, **more)
    print("\n".join(lines))
    return 0


def _options(args: argparse.Namespace, progress: Callable[[int, int], None]) -> Options:
    """The options that the data set's sub-command has; defaults for the others."""
    given = {key: value for key, value in vars(args).items() if key in OPTIONS}
    return Options(**given, progress=progress)


def _draw_shapes(args: argparse.Namespace) -> int:
    plan = ShapesPlan(args.seed, args.size, args.train, args.val, args.test, args.distill)
    if args.draw is not None:
        write_sheet(args.draw, seed=plan.seed, size=plan.size)
        print(f"{args.draw}: 48 pictures")
        return 0
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
    return 0


def _add_shapes(shapes: argparse.ArgumentParser) -> None:
    shapes.add_argument(
        "--root", type=Path, default=Path("data/shapes"), help="folder to write (%(default)s)"
    )
    shapes.add_argument("--size", type=int, default=DEFAULT_PLAN.size, help="side, px (%(default)s)")
    shapes.add_argument("--seed", type=int, default=DEFAULT_PLAN.seed, help="of the world (%(default)s)")
    for split in SPLITS:
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


def _add_label_maps(parser: argparse.ArgumentParser, preparation: Preparation) -> None:
    _add_root(parser, preparation.root)
    parser.add_argument(
        "--source", type=Path, help="the originals, if they are not in --root (see data/README.md)"
    )
    if preparation.has_splits:
        _add_splits(parser)
    parser.add_argument(
        "--workers",
        type=int,
        default=min(os.cpu_count() or 1, 8),
        metavar="N",
        help="threads that convert (%(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace label maps that are there")
    parser.add_argument(
        "--any-number", action="store_true", help="accept a part of the images, to try things"
    )


def _add_root(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--root", type=Path, default=Path(default), help="its folder (%(default)s)")


def _add_checks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pictures",
        action="store_true",
        dest="with_pictures",
        help="decode every picture too (reads the whole set)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=min(os.cpu_count() or 1, 8),
        metavar="N",
        help="threads that decode (%(default)s)",
    )


def _add_splits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--splits",
        nargs="+",
        choices=("train", "val"),
        default=["train", "val"],
        help="what is needed: val alone is enough for tests (default: both)",
    )


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A live bar on a terminal, a line per quarter elsewhere; both on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _print_quarters(title)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ProgressBar(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_quarters(title: str) -> Callable[[int, int], None]:
    reported = 0

    def report(done: int, total: int) -> None:
        nonlocal reported
        quarter = done * 4 // total
        if quarter > reported:
            print(f"{title}: {done:,} of {total:,}", file=sys.stderr, flush=True)
        reported = quarter  # 0 again when the next step begins

    return report
