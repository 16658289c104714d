"""`ovsam test`: test one config with one or more kinds of prompts, or on one or more sets of label maps.

Each leaves a record. `--sets a150 pc59` tests any semantic config on these sets, one after the other,
the model asked for the classes of each; `--sets all` on the six of the papers.
"""

import copy
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.runner import TestLoop

from ovsam.benchmark import complexity, provenance, records
from ovsam.benchmark.records import SEMANTIC
from ovsam.commands.checks import check_data
from ovsam.commands.label_map_sets import add_sets_argument, is_semantic, on_set, sets_of
from ovsam.commands.options import add_run_arguments, prepare_config
from ovsam.datasets.detections import DetectionDataset
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import get_spec
from ovsam.datasets.transforms.loading import LoadInstances
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.engine.lineage import check_lineage
from ovsam.engine.pictures import PicturesHook
from ovsam.engine.runner import Runner
from ovsam.engine.semantic_test import evaluate_semantic, semantic_stem
from ovsam.evaluation.detection import DetectionMetric
from ovsam.evaluation.promptable import InstanceResults
from ovsam.weights import WEIGHTS_FILE, check_sources, load_parts

DETECTION = "detection"
RANDOM = "none"  # as WEIGHTS: leave the model at its random start


def add_arguments(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    add_run_arguments(parser)
    parser.add_argument(
        "weights",
        nargs="?",
        help="weights file or source; default: what the config trained, in --work-dir or below"
        " weights_root; 'none': random, to try the code",
    )
    parser.add_argument(
        "--prompts",
        nargs="+",
        choices=("box", "center_point", DETECTION, SEMANTIC),
        help="kinds of prompts, or label maps (default: the config's test_prompts)",
    )
    add_sets_argument(parser)
    _add_detection_arguments(parser)
    parser.add_argument("--split", choices=("test", "val"), default="test", help="default: test")
    parser.add_argument(
        "--pictures",
        type=int,
        default=0,
        metavar="N",
        help="draw the first N images of each kind of prompts",
    )
    parser.add_argument(
        "--keep-masks", action="store_true", help="write the predicted masks, for tools/compare.py"
    )
    parser.add_argument("--no-complexity", action="store_true", help="do not count multiply-adds")


def _add_detection_arguments(parser: ArgumentParser) -> None:
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


def run(args: Namespace) -> int:
    """Test and write `<work_dir>/record_<split>_<prompts>.json` for each kind of prompts."""
    _check_detection_arguments(args)
    if args.sets and set(args.prompts or ()) - {SEMANTIC}:
        raise ValueError("--sets names label maps: not with --prompts")
    state = provenance.git_state()
    config = prepare_config(args)
    if not config.get("test_dataloader"):
        hint = "; its training ends with a validation" if config.get("val_dataloader") else ""
        raise ValueError(f"{args.config} has nothing to test (no test_dataloader){hint}")
    if args.pictures < 0:
        raise ValueError(f"--pictures must be 0 or more, got {args.pictures}")
    asked = _asked(args, config)
    if args.weights and not args.work_dir:
        config.work_dir = str(
            Path(config.work_dir) / "other_weights"
        )  # the record of its own ones stays
    source = weights_source(config, args.weights)
    if source:
        _warn_of_initial_weights(args.cfg_options, source)
        config.initial_weights = {}  # the file holds all parts
    sources = {"": source} if source else config.get("initial_weights") or {}
    if source != RANDOM:
        check_sources(sources, config.get("weights_root", "work_dirs"))
    check_data(*(one.config[f"{args.split}_dataloader"] for one in asked))
    runner = Runner.from_config(config)
    pictures = PicturesHook(num=args.pictures, folder=runner.work_dir)
    runner.register_hook(pictures)
    digests = dict(runner.weight_digests)
    if source and source != RANDOM:
        digests.update(
            load_parts(runner.bare_model, {"": source}, config.get("weights_root", "work_dirs"))
        )
    blemishes = _blemishes(config, source, args.seed, digests)
    # What a semantic model costs depends on classes and views: `ovsam complexity` counts it.
    counts = not args.no_complexity and SEMANTIC not in {one.kind for one in asked}
    cost = complexity.count(runner.bare_model, num_prompts=10) if counts else None
    for one in asked:
        kind = one.kind
        pictures.folder = Path(runner.work_dir) / "pictures" / one.stem
        if one.set:
            runner.bare_model.vocabulary = get_spec(one.set).classes
        started, clock = datetime.now(timezone.utc), time.monotonic()
        boxes = boxes_of(args) if kind == DETECTION else None
        if kind == SEMANTIC:
            metrics, rows = evaluate_semantic(runner, one.config, args.split)
        else:
            metrics, rows = evaluate_prompts(
                runner, config, kind, args.split, boxes, keep_masks=args.keep_masks
            )
        if not is_main_process():
            continue
        record = records.Record.of_run(
            config=config.experiment_name,
            config_digest=records.config_digest(config.to_dict()),
            method=config.method,
            seed=args.seed,
            prompts=boxes.prompts if boxes else kind,
            **_describe_data(runner.test_dataloader.dataset, config, args.split),
            metrics=metrics,
            weights=digests,
            complexity=cost,
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - clock,
            world_size=runner.world_size,
        )
        if blemishes or provenance.git_state() != state:
            record.provenance["dirty"] = True  # a change while it ran, or weights of unknown making
        if boxes:
            record.provenance["detections"] = boxes.origin(runner.test_dataloader.dataset)
        stem = f"{args.split}_{record.prompts.replace(':', '_') if boxes else one.stem}"
        target = Path(runner.work_dir) / f"record_{stem}.json"
        records.write(record, target)
        if kind == SEMANTIC:
            records.write_json(rows.to_dict(), target.with_name(f"classes_{stem}.json"))
        elif boxes:
            records.write_json(rows, target.with_name(f"predictions_{stem}.json"))
        else:
            _write_instances(rows, target.with_name(f"instances_{stem}.npz"))
            if args.keep_masks:
                masks = runner.test_loop.evaluator.metrics[0].masks
                records.write_json(masks, target.with_name(f"masks_{stem}.json"))
        shown = {"config": config.experiment_name, "prompts": record.prompts, "dataset": record.dataset}
        print(json.dumps({**shown, **metrics}))
    return 0


@dataclass(frozen=True)
class Asked:
    """One thing to test.

    Attributes:
        kind: of prompts, or `semantic`.
        config: with the data that it is tested on.
        set: name of another set of label maps than the config's own; empty: its own.
    """

    kind: str
    config: Config
    set: str = ""

    @property
    def stem(self) -> str:
        """What its files are called."""
        return semantic_stem(self.set) if self.kind == SEMANTIC else self.kind


def _asked(args: Namespace, config: Config) -> list[Asked]:
    """Kinds of prompts or sets of label maps that arguments and config ask for."""
    if args.sets:
        return [Asked(SEMANTIC, on_set(config, name, args.split), name) for name in sets_of(args.sets)]
    default = SEMANTIC if is_semantic(config) else "box"
    return [Asked(kind, config) for kind in args.prompts or config.get("test_prompts") or [default]]


def _warn_of_initial_weights(options: Mapping[str, Any], source: str) -> None:
    """Options of parts say nothing to a model that is read whole; its training may have had them."""
    for key in options:
        if key.partition(".")[0] == "initial_weights":
            print(
                f"warning: option {key!r} has no effect, the test reads the whole model from {source!r}",
                file=sys.stderr,
            )


def _describe_data(dataset: Any, config: Config, split: str) -> dict[str, str]:
    """`dataset` and `data_sha256` of a record."""
    if isinstance(dataset, SemsegDataset):
        return dict(dataset=dataset.spec.title, data_sha256=dataset.labels_sha256())
    return dict(
        dataset=f"{config.get('dataset_name', 'data')} {split}",
        data_sha256=provenance.file_sha256(dataset.ann_file),
    )


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


@dataclass(frozen=True)
class DetectorBoxes:
    """Which boxes of a detector are the prompts, and whose labels count.

    Attributes:
        file: result file.
        labels: `method` or `detector`.
        score_floor: boxes below are left out.
        classes: names of the detector's categories, or None where its ids are the annotation file's.
    """

    file: Path
    labels: str = "method"
    score_floor: float = 0.0
    classes: Path | None = None

    @property
    def prompts(self) -> str:
        """What a record calls them."""
        return records.detection_prompts(self.file, self.labels)

    def origin(self, dataset: DetectionDataset) -> dict[str, Any]:
        """What a record says of them beside."""
        return {
            "sha256": provenance.file_sha256(self.file),
            "score_floor": self.score_floor,
            "left_out": dict(dataset.skipped),
        }


def boxes_of(args: Namespace) -> DetectorBoxes:
    """The boxes that the arguments ask for."""
    return DetectorBoxes(args.detections, args.labels, args.score_floor, args.detection_classes)


def _check_detection_arguments(args: Namespace) -> None:
    asked = DETECTION in (args.prompts or ())
    if asked and args.detections is None:
        raise ValueError(
            "--prompts detection needs --detections FILE.json; `ovsam detect` makes one, README.md says"
            " how to make one with other detectors"
        )
    if not asked and (args.detections or args.detection_classes):
        raise ValueError("--detections and --detection-classes belong to --prompts detection")
    if asked and not args.detections.is_file():
        raise FileNotFoundError(f"no result file {args.detections}; `ovsam detect` makes one")
    if asked and args.pictures:
        raise ValueError("--pictures shows ground truth of every prompt: not with --prompts detection")


def evaluate_prompts(
    runner: Runner,
    config: Config,
    kind: str,
    split: str = "test",
    boxes: DetectorBoxes | None = None,
    *,
    keep_masks: bool = False,
) -> tuple[dict[str, float], Any]:
    """Run the test loop with prompts of `kind`.

    Args:
        runner: built from `config`, weights loaded.
        config: its `<split>_dataloader` and `<split>_evaluator` are used.
        kind: `box`, `center_point` or `detection`.
        split: `test` or `val`.
        boxes: for `detection`.
        keep_masks: keep the predicted masks in the metric, with prompts of the ground truth.

    Returns:
        Metrics in percent without prefix, and one row per prompt: `InstanceResults`, or with detector
        boxes COCO's result format.
    """
    loader = with_prompt_kind(config[f"{split}_dataloader"], kind)
    evaluator = copy.deepcopy(config[f"{split}_evaluator"])
    if boxes is not None:
        loader = with_detections(loader, boxes)
        ann_file = Path(loader.dataset.get("data_root", ""), loader.dataset.ann_file)
        keep_masks = False  # COCO's result format has them
        evaluator = dict(type=DetectionMetric, ann_file=str(ann_file), labels=boxes.labels)
    if keep_masks:
        evaluator["keep_masks"] = True
    loop = TestLoop(runner, dataloader=loader, evaluator=evaluator)
    runner._test_loop = loop
    found = runner.test()
    metrics = {name.split("/")[-1]: value for name, value in found.items()}
    metric = loop.evaluator.metrics[0]
    return metrics, metric.predictions if boxes is not None else metric.instances


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


def with_detections(loader: Any, boxes: DetectorBoxes) -> Any:
    """A copy of a loader's config that reads every image with a detector's boxes and no annotation.

    Raises:
        ValueError: its data set has no annotation file of COCO's format.
    """
    loader = copy.deepcopy(loader)
    given = loader.dataset
    missing = [key for key in ("ann_file", "data_prefix", "vocabulary") if key not in given]
    if missing:
        raise ValueError(f"--prompts detection needs a data set of COCO's format; it lacks {missing}")
    shared = ("ann_file", "data_prefix", "vocabulary", "data_root", "indices", "cache_images", "seed")
    loader.dataset = ConfigDict(
        type=DetectionDataset,
        **{key: given[key] for key in shared if key in given},
        detections=str(boxes.file),
        labels=boxes.labels,
        score_floor=boxes.score_floor,
        classes=None if boxes.classes is None else str(boxes.classes),
        pipeline=[step for step in given.pipeline if step["type"] is not LoadInstances],
    )
    return loader


def weights_source(config: Config, given: str | None) -> str | None:
    """Where the weights of the whole model come from.

    Args:
        config: prepared config.
        given: the shell's argument, if any.

    Returns:
        `given`; else the config's `test_weights`; else, of a config that trains, what it has trained, in
        `work_dir` if it lies there; else None: the model is put together from the config's
        `initial_weights`.
    """
    if given or config.get("test_weights"):
        return given or config.test_weights
    if not config.get("train_cfg"):
        return None
    stem = config.experiment_name.split("/")[-1]
    usual = Path(config.get("weights_root", "work_dirs"), stem, WEIGHTS_FILE)
    own = Path(config.work_dir, WEIGHTS_FILE)
    is_elsewhere = own.is_file() and not (usual.is_file() and own.samefile(usual))
    return str(own) if is_elsewhere else stem


def _write_instances(rows: InstanceResults, path: Path) -> None:
    np.savez_compressed(path, **vars(rows))
