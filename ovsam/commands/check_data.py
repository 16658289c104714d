"""What `ovsam check_data` does; its options are in `ovsam.arguments.check_data`."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ovsam.datasets.data_check import Problem, Report, check_annotations, check_label_maps
from ovsam.files import write_json


def run(args: Namespace) -> int:
    """Print what is refused and what is odd, and write the report; 1 where something is refused.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: neither annotations nor label maps, or label maps without --num-classes.
    """
    if args.annotations is None and args.label_maps is None:
        raise ValueError("nothing to check: give an annotation file, or --label-maps FOLDER")
    if args.images is not None and not args.images.is_dir():
        raise FileNotFoundError(
            f"folder {args.images} does not exist; IMAGES is the folder of the pictures"
        )
    if args.label_maps is not None and args.num_classes is None:
        raise ValueError("--label-maps needs --num-classes, how many labels there are")
    report = Report()
    if args.annotations is not None:
        check_annotations(
            report,
            Path(args.annotations),
            images=args.images,
            names=args.names,
            with_masks=not args.boxes_only,
            merge_categories=args.merge_categories,
            num_named=args.limit,
            workers=args.workers,
        )
    if args.label_maps is not None:
        check_label_maps(
            report,
            args.label_maps,
            num_classes=args.num_classes,
            ignore_index=args.ignore_value,
            workers=args.workers,
        )
    _print(report, args.limit)
    if args.report:
        places = {name: getattr(args, name) for name in ("annotations", "images", "label_maps")}
        given = {name: str(place) for name, place in places.items() if place is not None}
        write_json({**report.to_dict(), **given}, args.report)
    return int(bool(report.refused))


def _print(report: Report, limit: int) -> None:
    refused = [problem for problem in report.problems if problem.is_refused]
    odd = [problem for problem in report.problems if not problem.is_refused]
    _print_some("refused", refused, limit)
    _print_some("read, but look at it", odd, limit)
    for kind, number in report.checked.items():
        print(f"checked: {number:,} of kind {kind!r}, {report.refused[kind]:,} refused")
    print(f"{len(refused):,} refused, {len(odd):,} to look at")


def _print_some(title: str, problems: Sequence[Problem], limit: int) -> None:
    for problem in problems[:limit]:
        print(f"{title}: {problem.text}")
    if len(problems) > limit:
        print(f"{title}: and {len(problems) - limit:,} more (--limit shows them)")
