"""What `ovsam test` does; its options are in `ovsam.arguments.test`."""

import itertools
import json
import time
from argparse import Namespace
from collections.abc import Sequence
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
from ovsam.commands.shared.rows import Row, asked_rows, load_rows
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import get_spec
from ovsam.engine.checks import check_data
from ovsam.engine.evaluation import DetectorBoxes, evaluate_prompts, evaluate_semantic, semantic_stem
from ovsam.engine.pictures import PicturesHook
from ovsam.engine.runner import Runner
from ovsam.engine.vocabulary_evaluation import VocabularyTest, evaluate_vocabularies
from ovsam.evaluation.promptable import InstanceResults
from ovsam.evaluation.semantic import SemanticReport
from ovsam.files import sha256_of, write_json

DETECTION = "detection"


def run(args: Namespace) -> int:
    """Test and write `<work_dir>/record_<split>_<prompts>.json` for each row and kind of prompts."""
    _check(args)
    state = provenance.git_state()
    rows = asked_rows(args)
    asked = _asked(args, rows)
    runner = _loaded_runner(args, rows, asked)
    pictures = PicturesHook(num=args.pictures, folder=runner.work_dir)
    runner.register_hook(pictures)
    blemishes = {row.name: row.blemishes(args.seed) for row in rows}
    # What a semantic model costs depends on classes and views: `ovsam complexity` counts it.
    counts = not args.no_complexity and SEMANTIC not in {one.kind for one in asked}
    costs = {row.name: complexity.count(row.model, num_prompts=10) if counts else None for row in rows}
    for together in _passes(asked):
        started, clock = datetime.now(timezone.utc), time.monotonic()
        found = _evaluated(runner, args, rows, together, pictures)
        if not is_main_process():
            continue
        facts = dict(
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - clock,
            world_size=runner.world_size,
            seed=args.seed,
        )
        covered = _covered(rows, together)
        for row, one in itertools.product(rows, together):
            metrics, lines = found[row.name][one.kind]
            dataset = runner.test_dataloader.dataset
            record = _record(row, one, dataset, args.split, metrics, complexity=costs[row.name], **facts)
            if blemishes[row.name] or provenance.git_state() != state:
                record.provenance["dirty"] = True  # a change while it ran, or weights of unknown making
            if left_out := getattr(dataset, "skipped", None):
                record.provenance["left_out"] = dict(left_out)
            if len(covered) > 1:
                record.provenance["seconds_cover"] = covered
            folder, stem = Path(row.config.work_dir), f"{args.split}_{one.stem}"
            records.write(record, folder / f"record_{stem}.json")
            _write_lines(lines, folder, stem)
            if args.keep_masks and isinstance(lines, InstanceResults):
                masks = runner.test_loop.evaluators[row.name][one.kind].metrics[0].masks
                write_json(masks, folder / f"masks_{stem}.json")
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


def _loaded_runner(args: Namespace, rows: Sequence[Row], asked: Sequence["Asked"]) -> Runner:
    """The runner with the weights of all rows, which were looked for before anything was built."""
    for row in rows:
        row.check_weights()
    check_data(*(one.config[f"{args.split}_dataloader"] for one in asked))
    runner = Runner.from_config(rows[0].config)
    load_rows(runner, rows)
    return runner


def _record(
    row: Row, one: "Asked", dataset: Any, split: str, metrics: dict[str, float], **facts: Any
) -> records.Record:
    """The record of one row and kind; `facts` are those of the pass."""
    record = records.Record.of_run(
        config=row.config.experiment_name,
        config_digest=records.config_digest(row.config.to_dict()),
        method=row.config.method,
        prompts=one.prompts,
        **_describe_data(dataset, row.config, split),
        metrics=metrics,
        weights=row.digests,
        **facts,
    )
    if one.boxes:
        record.provenance["detections"] = one.boxes.origin(dataset)
    return record


def _covered(rows: Sequence[Row], together: Sequence["Asked"]) -> list[str]:
    """What one pass answers: kinds of prompts, of several rows with the config before each."""
    kinds = [one.kind for one in together]
    if len(rows) == 1:
        return kinds
    return [f"{row.config.experiment_name} {kind}" for row in rows for kind in kinds]


def _write_lines(
    lines: InstanceResults | SemanticReport | list[Any] | None, folder: Path, stem: str
) -> None:
    """Write what belongs to a record: lines by prompt or by class, or masks in COCO's result format."""
    if isinstance(lines, InstanceResults):
        np.savez_compressed(folder / f"instances_{stem}.npz", **vars(lines))
    elif isinstance(lines, SemanticReport):
        write_json(lines.to_dict(), folder / f"classes_{stem}.json")
    elif lines is not None:
        write_json(lines, folder / f"predictions_{stem}.json")


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


def _asked(args: Namespace, rows: Sequence[Row]) -> list[Asked]:
    """Kinds of prompts or sets of label maps that arguments and configs ask for.

    Raises:
        ValueError: rows of one pass are asked for other things than prompts of the ground truth, or each
            for its own.
    """
    asked, *others = [_asked_of(args, row.config) for row in rows]
    kinds = [one.kind for one in asked]
    if others and (any(one.names for one in asked) or {DETECTION, SEMANTIC} & set(kinds)):
        raise ValueError(f"--rows share a pass over boxes and points: not with {', '.join(kinds)}")
    for row, own in zip(rows[1:], others, strict=True):
        if (wanted := [one.kind for one in own]) != kinds:
            raise ValueError(
                f"{row.name} is tested with {wanted}, {rows[0].config.experiment_name} with {kinds}:"
                " give --prompts for all --rows"
            )
    return asked


def _asked_of(args: Namespace, config: Config) -> list[Asked]:
    """What arguments and one config ask for."""
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
    runner: Runner,
    args: Namespace,
    rows: Sequence[Row],
    together: Sequence[Asked],
    pictures: PicturesHook,
) -> dict[str, dict[str, tuple[dict[str, float], Any]]]:
    """Metrics and lines of what one pass answers, by row and kind."""
    first, pictures.folder = together[0], Path(runner.work_dir) / "pictures"
    if first.kind == SEMANTIC:
        pictures.folder /= first.stem
        if first.set:
            runner.bare_model.vocabulary = get_spec(first.set).classes
        return {"": {SEMANTIC: evaluate_semantic(runner, first.config, args.split)}}
    if first.names:
        by_kind = evaluate_vocabularies(runner, first.config, first.names, args.split)
        return {"": {kind: (metrics, None) for kind, metrics in by_kind.items()}}
    kinds, configs = [one.kind for one in together], {row.name: row.config for row in rows}
    return evaluate_prompts(runner, configs, kinds, args.split, first.boxes, keep_masks=args.keep_masks)


def _describe_data(dataset: Any, config: Config, split: str) -> dict[str, str]:
    """`dataset` and `data_sha256` of a record."""
    if isinstance(dataset, SemsegDataset):
        return dict(dataset=dataset.spec.title, data_sha256=dataset.labels_sha256())
    return dict(
        dataset=f"{config.get('dataset_name', 'data')} {split}", data_sha256=sha256_of(dataset.ann_file)
    )
