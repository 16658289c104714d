"""Arguments of `ovsam test --prompts detection`."""

from argparse import Namespace

from ovsam.engine.promptable_evaluation import DetectorBoxes

DETECTION = "detection"


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
