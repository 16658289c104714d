"""What `ovsam check_data` does; its options are in `ovsam.arguments.check_data`."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from ovsam.datasets.data_check import check_annotations, check_label_maps


def run(args: Namespace) -> int:
    """Print what is refused and what is odd; 1 where something is refused.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: neither annotations nor label maps, or label maps without --num-classes.
    """
    if args.annotations is None and args.label_maps is None:
        raise ValueError("nothing to check: give an annotation file, or --label-maps FOLDER")
    refused, odd = [], []
    for problem, is_refused in _problems(args):
        (refused if is_refused else odd).append(problem)
    for title, problems in (("refused", refused), ("read, but look at it", odd)):
        for problem in problems[: args.limit]:
            print(f"{title}: {problem}")
        if len(problems) > args.limit:
            print(f"{title}: and {len(problems) - args.limit:,} more (--limit shows them)")
    print(f"{len(refused):,} refused, {len(odd):,} to look at")
    return int(bool(refused))


def _problems(args: Namespace) -> Iterator[tuple[str, bool]]:
    if args.annotations is not None:
        yield from check_annotations(
            Path(args.annotations),
            images=args.images,
            names=args.names,
            with_masks=not args.boxes_only,
            merge_categories=args.merge_categories,
            num_named=args.limit,
        )
    if args.label_maps is not None:
        if args.num_classes is None:
            raise ValueError("--label-maps needs --num-classes, how many labels there are")
        yield from check_label_maps(
            args.label_maps, num_classes=args.num_classes, ignore_index=args.ignore_value
        )
