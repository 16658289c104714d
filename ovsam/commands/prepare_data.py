"""What `ovsam prepare_data` does; its options are in `ovsam.arguments.prepare_data`."""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from ovsam.commands.shared.progress import counted
from ovsam.datasets.preparation.checks import Options, TreeReport
from ovsam.datasets.preparation.coco import check_coco
from ovsam.datasets.preparation.detection import BOXED_TREES, check_boxed
from ovsam.datasets.preparation.image_labels import check_class_folders, check_image_list
from ovsam.datasets.preparation.lvis import prepare_lvis
from ovsam.datasets.preparation.sa1b import prepare_sa1b
from ovsam.datasets.preparation.semantic import PREPARATIONS
from ovsam.datasets.shapes.sources_writer import NAME, SourcesPlan, write_sources
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes, write_sheet

OPTIONS = ("workers", "force", "with_pictures", "any_number")


def run(args: argparse.Namespace) -> int:
    """Prepare one data set.

    Returns:
        0, or 1 where something is missing or broken.

    Raises:
        DataTreeError: it cannot be written, or another one stands there.
        ValueError: a number out of range.
    """
    if args.dataset in ("shapes", NAME):
        return _draw_shapes(args)
    if args.dataset in PREPARATIONS:
        return _write_label_maps(args)
    with counted(f"checking {args.dataset}") as progress:
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
    if args.dataset in BOXED_TREES:
        return check_boxed(args.dataset, args.root, options, args.splits)
    if args.dataset == "image_list":
        return check_image_list(args.list, args.root, options, args.vocabulary)
    if "vocabulary" in args:
        return check_class_folders(args.root, options, args.vocabulary)
    if args.dataset == "lvis":
        return prepare_lvis(args.root, options, args.images, args.splits)
    parts = args.parts
    if args.list is not None:
        if parts is not None:
            raise ValueError("give --parts or --list, not both")
        parts = args.list.read_text(encoding="utf-8").split()
    return prepare_sa1b(args.root, options, parts, args.name)


def _write_label_maps(args: argparse.Namespace) -> int:
    more = {"splits": args.splits} if "splits" in args else {}
    with counted(f"label maps of {args.dataset}") as progress:
        options = _options(args, progress)
        lines = PREPARATIONS[args.dataset](args.source, args.root, options, **more)
    print("\n".join(lines))
    return 0


def _options(args: argparse.Namespace, progress: Callable[[int, int], None]) -> Options:
    """The options that the data set's sub-command has; defaults for the others."""
    given = {key: value for key, value in vars(args).items() if key in OPTIONS}
    return Options(**given, progress=progress)


def _draw_shapes(args: argparse.Namespace) -> int:
    if args.dataset == NAME:
        write = partial(write_sources, args.root, SourcesPlan(args.seed))
    else:
        plan = ShapesPlan(args.seed, args.size, args.train, args.val, args.test, args.distill)
        if args.draw is not None:
            write_sheet(args.draw, seed=plan.seed, size=plan.size)
            print(f"{args.draw}: 48 pictures")
            return 0
        write = partial(write_shapes, args.root, plan)
    started = time.monotonic()
    with counted(f"drawing {args.dataset}") as report:
        manifest, is_new = write(workers=args.workers, force=args.force, report=report)
    counts = ", ".join(f"{split} {number:,}" for split, number in manifest["num_images"].items())
    if is_new:
        seconds = time.monotonic() - started
        per_second = sum(manifest["num_images"].values()) / seconds
        print(f"{args.root}: {counts} images, {per_second:.0f} images/s")
    else:
        print(f"{args.root}: already there ({counts} images), left unchanged")
    return 0
