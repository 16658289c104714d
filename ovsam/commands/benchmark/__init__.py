"""What `ovsam benchmark` does, a module per stage; its options are in `ovsam.arguments.benchmark`."""

import argparse

from ovsam.commands.benchmark import (
    click,
    data,
    encoder,
    evaluate,
    features,
    metrics,
    profile,
    promptable,
    scoring,
    semantic,
    vocabulary,
)
from ovsam.commands.benchmark.results import check_target

STAGES = {
    "encoder": encoder.run,
    "click": click.run,
    "metrics": metrics.run,
    "image": promptable.run,
    "train": promptable.run,
    "profile": profile.run,
    "data": data.run,
    "evaluate": evaluate.run,
    "cache_teacher": features.run,
    "semantic": semantic.run,
    "vocabulary": vocabulary.run,
    "scoring": scoring.run,
}


def run(args: argparse.Namespace) -> int:
    """Measure a stage, print, write.

    Raises:
        ValueError: a GPU that is not there, or what the stage refuses.
    """
    check_target(args)
    STAGES[args.stage](args)
    return 0
