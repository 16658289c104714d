"""Arguments of `ovsam test --prompts detection`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ovsam.engine.promptable_evaluation import DetectorBoxes

DETECTION = "detection"


def add_detection_arguments(parser: ArgumentParser) -> None:
    """Which file, whose labels, from which score."""
    group = parser.add_argument_group("--prompts detection: boxes of a detector, judged by AP")
    group.add_argument(
        "--detections",
        type=Path,
        metavar="FILE.json",
        help="result file of COCO's format",
    )
    group.add_argument(
        "--labels",
        choices=("method", "detector"),
        default="method",
        help="whose labels count (default: method)",
    )
    group.add_argument(
        "--score-floor", type=float, default=0.0, help="leave out boxes below (default: 0.0)"
    )
    group.add_argument(
        "--detection-classes",
        type=Path,
        metavar="FILE.json",
        help="names of the detector's categories, where its ids are not the annotation file's",
    )


def boxes_of(args: Namespace) -> DetectorBoxes:
    """The boxes that the arguments ask for, checked by `check_detection_arguments`."""
    return DetectorBoxes(args.detections, args.labels, args.score_floor, args.detection_classes)


def check_detection_arguments(args: Namespace) -> None:
    """Raises:
    ValueError: arguments that do not go together.
    FileNotFoundError: no result file there.
    """
    asked = DETECTION in (args.prompts or ())
    if asked and args.detections is None:
        raise ValueError(
            "--prompts detection needs --detections FILE.json; `ovsam detect` makes one,"
            " docs/evaluation.md says how to make one with other detectors"
        )
    if not asked and (args.detections or args.detection_classes):
        raise ValueError("--detections and --detection-classes belong to --prompts detection")
    if asked and not args.detections.is_file():
        raise FileNotFoundError(f"no result file {args.detections}; `ovsam detect` makes one")
    if asked and args.pictures:
        raise ValueError("--pictures shows ground truth of every prompt: not with --prompts detection")
