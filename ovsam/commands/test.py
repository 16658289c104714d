"""What `ovsam test` does; its options are in `ovsam.arguments.test`."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process

from ovsam.benchmark import complexity, provenance, records
from ovsam.benchmark.records import SEMANTIC, VOCABULARY
from ovsam.commands.shared.label_map_sets import is_semantic, on_set, sets_of
from ovsam.commands.shared.options import prepare_config
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import get_spec
from ovsam.engine.checks import check_data
from ovsam.engine.evaluation import DetectorBoxes, evaluate_prompts, evaluate_semantic, semantic_stem
from ovsam.engine.lineage import check_lineage
from ovsam.engine.pictures import PicturesHook
from ovsam.engine.runner import Runner
from ovsam.engine.vocabulary_evaluation import VocabularyTest, evaluate_vocabularies
from ovsam.evaluation.promptable import InstanceResults
from ovsam.evaluation.semantic import SemanticReport
from ovsam.files import sha256_of, write_json
from ovsam.weights import WEIGHTS_FILE, check_sources, load_parts

DETECTION = "detection"
RANDOM = "none"  # as WEIGHTS: leave the model at its random start


def run(args: Namespace) -> int:
    """Test and write `<work_dir>/record_<split>_<prompts>.json` for each kind of prompts."""
    _check(args)
    state = provenance.git_state()
    config = prepare_config(args)
    if not config.get("test_dataloader"):
        hint = "; its training ends with a validation" if config.get("val_dataloader") else ""
        raise ValueError(f"{args.config} has nothing to test (no test_dataloader){hint}")
    asked = _asked(args, config)
    source = weights_source(config, args.weights)
    runner, digests = _loaded_runner(args, config, source, asked)
    pictures = PicturesHook(num=args.pictures, folder=runner.work_dir)
    runner.register_hook(pictures)
    blemishes = _blemishes(config, source, args.seed, digests)
    # What a semantic model costs depends on classes and views: `ovsam complexity` counts it.
    counts = not args.no_complexity and SEMANTIC not in {one.kind for one in asked}
    cost = complexity.count(runner.bare_model, num_prompts=10) if counts else None
    for together in _passes(asked):
        started, clock = datetime.now(timezone.utc), time.monotonic()
        found = _evaluated(runner, args, together, pictures)
        if not is_main_process():
            continue
        seconds = time.monotonic() - clock
        for one in together:
            metrics, rows = found[one.kind]
            record = records.Record.of_run(
                config=config.experiment_name,
                config_digest=records.config_digest(config.to_dict()),
                method=config.method,
                seed=args.seed,
                prompts=one.prompts,
                **_describe_data(runner.test_dataloader.dataset, config, args.split),
                metrics=metrics,
                weights=digests,
                complexity=cost,
                started=started.isoformat(timespec="seconds"),
                seconds=seconds,
                world_size=runner.world_size,
            )
            if blemishes or provenance.git_state() != state:
                record.provenance["dirty"] = True  # a change while it ran, or weights of unknown making
            if left_out := getattr(runner.test_dataloader.dataset, "skipped", None):
                record.provenance["left_out"] = dict(left_out)
            if one.boxes:
                record.provenance["detections"] = one.boxes.origin(runner.test_dataloader.dataset)
            if len(found) > 1:
                record.provenance["seconds_cover"] = list(found)
            stem = f"{args.split}_{one.stem}"
            records.write(record, Path(runner.work_dir) / f"record_{stem}.json")
            _write_rows(rows, Path(runner.work_dir), stem)
            if args.keep_masks and isinstance(rows, InstanceResults):
                masks = runner.test_loop.evaluators[one.kind].metrics[0].masks
                write_json(masks, Path(runner.work_dir) / f"masks_{stem}.json")
            shown = dict(config=record.config, prompts=record.prompts, dataset=record.dataset)
            print(json.dumps({**shown, **metrics}))
    return 0


def _check(args: Namespace) -> None:
    """Raise ValueError where arguments do not go together, FileNotFoundError without detections."""
    if args.sets and set(args.prompts or ()) - {SEMANTIC}:
        raise ValueError("--sets names label maps: not with --prompts")
    if DETECTION not in (args.prompts or ()):
        if args.detections or args.detection_classes:
            raise ValueError("--detections and --detection-classes belong to --prompts detection")
        return
    if args.detections is None:
        raise ValueError(
            "--prompts detection needs --detections FILE.json; `ovsam detect` makes one,"
            " docs/evaluation.md says how to make one with other detectors"
        )
    if not args.detections.is_file():
        raise FileNotFoundError(f"no result file {args.detections}; `ovsam detect` makes one")
    if args.pictures:
        raise ValueError("--pictures draws ground truth: not with --prompts detection")


def _loaded_runner(
    args: Namespace, config: Config, source: str | None, asked: Sequence["Asked"]
) -> tuple[Runner, dict[str, str]]:
    """The runner with all weights, which were looked for before anything was built, and their sha256."""
    root = config.get("weights_root", "work_dirs")
    if args.weights and not args.work_dir:  # the record of its own ones stays
        config.work_dir = str(Path(config.work_dir) / "other_weights")
    if source:
        config.initial_weights = {}  # the file holds all parts
        for key in config.changed_options:
            if key.partition(".")[0] == "initial_weights":
                _warn(f"option {key!r} has no effect, the test reads the whole model from {source!r}")
    if source != RANDOM:
        check_sources({"": source} if source else config.get("initial_weights") or {}, root)
    check_data(*(one.config[f"{args.split}_dataloader"] for one in asked))
    runner = Runner.from_config(config)
    digests = dict(runner.weight_digests)
    if source and source != RANDOM:
        digests.update(load_parts(runner.bare_model, {"": source}, root))
    return runner, digests


def _write_rows(
    rows: InstanceResults | SemanticReport | list[Any] | None, folder: Path, stem: str
) -> None:
    """Write what belongs to a record: rows by prompt or by class, or masks in COCO's result format."""
    if isinstance(rows, InstanceResults):
        np.savez_compressed(folder / f"instances_{stem}.npz", **vars(rows))
    elif isinstance(rows, SemanticReport):
        write_json(rows.to_dict(), folder / f"classes_{stem}.json")
    elif rows is not None:
        write_json(rows, folder / f"predictions_{stem}.json")


@dataclass(frozen=True)
class Asked:
    """One thing to test.

    Attributes:
        kind: of prompts, or `semantic`.
        config: with the data that it is tested on.
        set: name of another set of label maps than the config's own; empty: its own.
        boxes: of kind `detection`.
        names: of kinds that begin with `vocabulary`.
    """

    kind: str
    config: Config
    set: str = ""
    boxes: DetectorBoxes | None = None
    names: VocabularyTest | None = None

    @property
    def prompts(self) -> str:
        """What a record calls it."""
        return self.boxes.prompts if self.boxes else self.kind

    @property
    def stem(self) -> str:
        """What its files are called."""
        return semantic_stem(self.set) if self.kind == SEMANTIC else self.prompts.replace(":", "_")


def _asked(args: Namespace, config: Config) -> list[Asked]:
    """Kinds of prompts or sets of label maps that arguments and config ask for."""
    if args.sets:
        return [Asked(SEMANTIC, on_set(config, name, args.split), name) for name in sets_of(args.sets)]
    default = SEMANTIC if is_semantic(config) else "box"
    given = args.detections, args.labels, args.score_floor, args.detection_classes
    asked: list[Asked] = []
    for kind in args.prompts or config.get("test_prompts") or [default]:
        if kind == VOCABULARY:
            names = VocabularyTest.from_config(config)
            asked += [Asked(of_size, config, names=names) for of_size in names.kinds.values()]
        else:
            boxes = DetectorBoxes(*given) if kind == DETECTION else None
            asked.append(Asked(kind, config, boxes=boxes))
    return asked


def _passes(asked: Sequence[Asked]) -> list[list[Asked]]:
    """What each pass over the data answers: all prompts of the ground truth together, first."""
    of_names = [one for one in asked if one.names]
    of_truth = [one for one in asked if one.kind not in (DETECTION, SEMANTIC) and not one.names]
    others = [[one] for one in asked if one.kind in (DETECTION, SEMANTIC)]
    return [together for together in (of_truth, *others, of_names) if together]


def _evaluated(
    runner: Runner, args: Namespace, together: Sequence[Asked], pictures: PicturesHook
) -> dict[str, tuple[dict[str, float], Any]]:
    """Metrics and rows of what one pass answers, by kind."""
    first, pictures.folder = together[0], Path(runner.work_dir) / "pictures"
    if first.kind == SEMANTIC:
        pictures.folder /= first.stem
        if first.set:
            runner.bare_model.vocabulary = get_spec(first.set).classes
        return {SEMANTIC: evaluate_semantic(runner, first.config, args.split)}
    if first.names:
        by_kind = evaluate_vocabularies(runner, first.config, first.names, args.split)
        return {kind: (metrics, None) for kind, metrics in by_kind.items()}
    kinds = [one.kind for one in together]
    return evaluate_prompts(
        runner, first.config, kinds, args.split, first.boxes, keep_masks=args.keep_masks
    )


def _describe_data(dataset: Any, config: Config, split: str) -> dict[str, str]:
    """`dataset` and `data_sha256` of a record."""
    if isinstance(dataset, SemsegDataset):
        return dict(dataset=dataset.spec.title, data_sha256=dataset.labels_sha256())
    return dict(
        dataset=f"{config.get('dataset_name', 'data')} {split}", data_sha256=sha256_of(dataset.ann_file)
    )


def _blemishes(config: Config, source: str | None, seed: int, digests: Mapping[str, str]) -> list[str]:
    """Why records of these weights cannot be published; printed as warnings too."""
    if source == RANDOM:
        return ["random weights"]
    stems = {config.experiment_name.split("/")[-1], config.get("test_weights") or ""}
    found = check_lineage(digests, config.get("weights_root", "work_dirs"), stems=stems, seed=seed)
    for blemish in found:
        _warn(f"{blemish}; published tables will not accept the record")
    return found


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


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
