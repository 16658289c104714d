"""`ovsam test`: test one config with one or more kinds of prompts, or on one or more sets of label maps.

Each test leaves a record. Boxes and centre points share one pass over the pictures. `--sets a150 pc59`
tests a semantic config on these sets, one after the other, with the classes of each set; `--sets all`
on the six of the papers. `--rows` tests other configs that read the same image features in the same
pass.
"""

from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import add_run_options, natural_int
from ovsam.datasets.semseg_specs import EVALUATION_SETS, SPECS

ALL_SETS = "all"


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add_run_options(parser)
    add(
        "weights",
        nargs="?",
        help="weights file or source; default: what the config trained, in --work-dir or below"
        " weights_root; 'none': random, to try the code",
    )
    add(
        "--rows",
        nargs="+",
        default=[],
        metavar="CONFIG[=WEIGHTS]",
        help="further configs with the same image features, tested in the same pass; each leaves its"
        " records in its own folder, beside --work-dir if that is given",
    )
    add(
        "--prompts",
        nargs="+",
        choices=("box", "center_point", "detection", "semantic", "vocabulary"),
        help="kinds of prompts, label maps, or growing vocabularies, where the config has a"
        " test_vocabulary (default: the config's test_prompts)",
    )
    add_sets_option(parser)
    title = "--prompts detection: boxes of a detector, judged by AP"
    detection = parser.add_argument_group(title).add_argument
    detection("--detections", type=Path, metavar="FILE.json", help="result file of COCO's format")
    detection("--labels", choices=("method", "detector"), default="method", help="whose labels count")
    detection("--score-floor", type=float, default=0.0, help="leave out boxes below")
    detection(
        "--detection-classes",
        type=Path,
        metavar="FILE.json",
        help="names of the detector's categories, where its ids are not the annotation file's",
    )
    add("--split", choices=("test", "val"), default="test", help="what is tested on")
    add(
        "--pictures",
        type=natural_int,
        metavar="N",
        default=0,
        help="draw the answers on the first N images; with --rows those of the first config",
    )
    add("--keep-masks", action="store_true", help="write the predicted masks, for `ovsam compare`")
    add("--no-complexity", action="store_true", help="do not count multiply-adds")


def add_sets_option(parser: ArgumentParser) -> None:
    """`--sets` of every command that tests semantic models."""
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=(ALL_SETS, *SPECS),
        metavar="SET",
        help=f"of a semantic model: sets of label maps, {', '.join(SPECS)}; {ALL_SETS} ="
        f" {', '.join(EVALUATION_SETS)} (default: the config's own)",
    )
