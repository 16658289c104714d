"""`ovsam test`: test one config with one or more kinds of prompts; each leaves a record."""

import copy
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import TestLoop

from ovsam.benchmark import complexity, provenance, records
from ovsam.commands.checks import check_data
from ovsam.commands.options import add_run_arguments, prepare_config
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.engine.lineage import check_lineage
from ovsam.engine.pictures import PicturesHook
from ovsam.engine.runner import Runner
from ovsam.evaluation.promptable import InstanceResults
from ovsam.weights import check_sources, load_parts

RANDOM = "none"  # as WEIGHTS: leave the model at its random start


def add_arguments(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    add_run_arguments(parser)
    parser.add_argument(
        "weights",
        nargs="?",
        help="weights file or source; default: what the config trained; 'none': random, to try the code",
    )
    parser.add_argument(
        "--prompts",
        nargs="+",
        choices=("box", "center_point"),
        help="kinds of prompts (default: the config's test_prompts)",
    )
    parser.add_argument("--split", choices=("test", "val"), default="test", help="default: test")
    parser.add_argument(
        "--pictures",
        type=int,
        default=0,
        metavar="N",
        help="draw the first N images of each kind of prompts",
    )
    parser.add_argument("--no-complexity", action="store_true", help="do not count multiply-adds")


def run(args: Namespace) -> int:
    """Test and write `<work_dir>/record_<split>_<prompts>.json` for each kind of prompts."""
    state = provenance.git_state()
    config = prepare_config(args)
    if not config.get("test_dataloader"):
        hint = "; its training ends with a validation" if config.get("val_dataloader") else ""
        raise ValueError(f"{args.config} has nothing to test (no test_dataloader){hint}")
    if args.pictures < 0:
        raise ValueError(f"--pictures must be 0 or more, got {args.pictures}")
    if args.weights and not args.work_dir:
        config.work_dir = str(
            Path(config.work_dir) / "other_weights"
        )  # the record of its own ones stays
    source = weights_source(config, args.weights)
    if source:
        config.initial_weights = {}  # the file holds all parts
    sources = {"": source} if source else config.get("initial_weights") or {}
    if source != RANDOM:
        check_sources(sources, config.get("weights_root", "work_dirs"))
    check_data(config[f"{args.split}_dataloader"])
    runner = Runner.from_config(config)
    pictures = PicturesHook(num=args.pictures, folder=runner.work_dir)
    runner.register_hook(pictures)
    digests = dict(runner.weight_digests)
    if source and source != RANDOM:
        digests.update(
            load_parts(runner.bare_model, {"": source}, config.get("weights_root", "work_dirs"))
        )
    blemishes = _blemishes(config, source, args.seed, digests)
    cost = None if args.no_complexity else complexity.count(runner.bare_model, num_prompts=10)
    for kind in args.prompts or config.get("test_prompts", ["box"]):
        pictures.folder = Path(runner.work_dir) / "pictures" / kind
        started, clock = datetime.now(timezone.utc), time.monotonic()
        metrics, instances = evaluate_prompts(runner, config, kind, args.split)
        if not is_main_process():
            continue
        record = records.Record.of_run(
            config=config.experiment_name,
            config_digest=records.config_digest(config.to_dict()),
            method=config.method,
            seed=args.seed,
            prompts=kind,
            dataset=f"{config.get('dataset_name', 'data')} {args.split}",
            data_sha256=provenance.file_sha256(runner.test_dataloader.dataset.ann_file),
            metrics=metrics,
            weights=digests,
            complexity=cost,
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - clock,
            world_size=runner.world_size,
        )
        if blemishes or provenance.git_state() != state:
            record.provenance["dirty"] = True  # a change while it ran, or weights of unknown making
        target = Path(runner.work_dir) / f"record_{args.split}_{kind}.json"
        records.write(record, target)
        _write_instances(instances, target.with_name(f"instances_{args.split}_{kind}.npz"))
        print(json.dumps({"config": config.experiment_name, "prompts": kind, **metrics}))
    return 0


def _blemishes(config: Config, source: str | None, seed: int, digests: Mapping[str, str]) -> list[str]:
    """Why records of these weights cannot be published; printed as warnings too."""
    if source == RANDOM:
        return ["random weights"]
    stems = {config.experiment_name.split("/")[-1], config.get("test_weights") or ""}
    found = check_lineage(digests, config.get("weights_root", "work_dirs"), stems=stems, seed=seed)
    for blemish in found:
        print(
            f"warning: {blemish}; the record will not be accepted for published tables", file=sys.stderr
        )
    return found


def evaluate_prompts(
    runner: Runner, config: Config, kind: str, split: str = "test"
) -> tuple[dict[str, float], InstanceResults]:
    """Run the test loop with prompts of `kind`.

    Args:
        runner: built from `config`, weights loaded.
        config: its `<split>_dataloader` and `<split>_evaluator` are used.
        kind: `box` or `center_point`.
        split: `test` or `val`.

    Returns:
        Metrics in percent without prefix, and one row per prompt.
    """
    loader = with_prompt_kind(config[f"{split}_dataloader"], kind)
    loop = TestLoop(runner, dataloader=loader, evaluator=copy.deepcopy(config[f"{split}_evaluator"]))
    runner._test_loop = loop
    found = runner.test()
    metrics = {name.split("/")[-1]: value for name, value in found.items()}
    return metrics, loop.evaluator.metrics[0].instances


def with_prompt_kind(loader: Any, kind: str) -> Any:
    """A copy of a loader's config whose pipeline draws prompts of `kind`.

    Raises:
        ValueError: the pipeline draws no prompts.
    """
    loader = copy.deepcopy(loader)
    drawing = [step for step in loader.dataset.pipeline if step["type"] is DrawPrompts]
    if not drawing:
        raise ValueError("the test pipeline has no DrawPrompts step")
    for step in drawing:
        step["kind"] = kind
    return loader


def weights_source(config: Config, given: str | None) -> str | None:
    """Where the weights of the whole model come from.

    Args:
        config: prepared config.
        given: the shell's argument, if any.

    Returns:
        `given`; else the config's `test_weights`; else, of a config that trains, what it has trained;
        else None: the model is put together from the config's `initial_weights`.
    """
    if given or config.get("test_weights"):
        return given or config.test_weights
    return config.experiment_name.split("/")[-1] if config.get("train_cfg") else None


def _write_instances(rows: InstanceResults, path: Path) -> None:
    np.savez_compressed(path, **vars(rows))
