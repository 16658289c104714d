"""What `ovsam compare` does; its options are in `ovsam.arguments.compare`."""

import argparse
import copy
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from PIL import Image

from ovsam.benchmark import records
from ovsam.benchmark.provenance import Measurement
from ovsam.benchmark.records import Record
from ovsam.benchmark.signed import read_signed, write_signed
from ovsam.cli import find_config
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.engine.configuration import load_config
from ovsam.evaluation.comparison import (
    Difference,
    check_same_instances,
    compare_groups,
    label_groups,
    read_instances,
    size_groups,
    worst_rows,
)
from ovsam.evaluation.promptable import InstanceResults, summarize
from ovsam.files import write_json
from ovsam.ops.masks import decode_segmentations
from ovsam.registry import DATASETS
from ovsam.structures.vocabulary import Vocabulary
from ovsam.visualization.comparison import Case, draw_cases

NUM_SHOWN = 15  # classes with the largest losses, and as many with the largest gains
METRICS = {"iou": "IoU", "accuracy": "Accuracy"}


@dataclass(frozen=True)
class Result:
    """One test.

    Attributes:
        record: what was tested.
        rows: its instances.
        masks: file of the predicted masks, if the test kept them.
    """

    record: Record
    rows: InstanceResults
    masks: Path

    @property
    def title(self) -> str:
        """Which test it is, in words."""
        return f"{self.record.method} ({self.record.config}, seed {self.record.seed})"

    @cached_property
    def codes(self) -> list[dict[str, Any]] | None:
        """Run lengths of the predicted masks by row; None where the test did not keep them."""
        return json.loads(self.masks.read_text()) if self.masks.is_file() else None

    def mask(self, row: int) -> np.ndarray | None:
        """(H, W) bool, the predicted mask of a row, where it was kept."""
        if self.codes is None:
            return None
        return decode_segmentations([self.codes[row]], tuple(self.codes[row]["size"]))[0]


def run(args: argparse.Namespace) -> int:
    """Compare and print.

    Raises:
        FileNotFoundError: no such record, or no instances beside it.
        ValueError: results of different data.
    """
    first, second = (read_result(path, args.split, args.prompts) for path in (args.first, args.second))
    _check_comparable(first, second)
    config = load_config(find_config(args.config or first.record.config))
    name = (config.get(f"{args.split}_dataloader") or {}).get("dataset", {}).get("vocabulary")
    if not isinstance(name, str):
        raise ValueError(
            f"the config's {args.split} data set names no vocabulary; pass another --config"
        )
    vocabulary = get_vocabulary(name)
    _check_measured(first, vocabulary)
    _check_measured(second, vocabulary)
    groups, classes = _compare(first, second, vocabulary, args)
    text = _describe(first, second, groups, classes)
    sys.stdout.write(text)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "comparison.md").write_text(text)
        content = {"first": first.record.to_dict(), "second": second.record.to_dict()}
        for key, found in (("groups", groups), ("classes", classes)):
            content[key] = [{**asdict(entry), "difference": entry.difference} for entry in found]
        write_json(content, args.output / "comparison.json")
        print(f"\n  {args.output / 'comparison.md'}\n  {args.output / 'comparison.json'}")
        if args.worst:
            _draw_worst(first, second, config, vocabulary, args)
    if args.into:
        _write_into(args.into, first.record, second.record, groups, args)
    return 0


def read_result(path: Path, split: str, prompts: str) -> Result:
    """Record and instances of a test.

    Args:
        path: record file, or a folder that has one.
        split: of the record in a folder.
        prompts: likewise.

    Raises:
        FileNotFoundError: no record, or no instances beside it.
        ValueError: a record that was changed by hand, or broken instances.
    """
    file = path / f"record_{split}_{prompts.replace(':', '_')}.json" if path.is_dir() else path
    record = records.read(file)
    rows = read_instances(
        file.with_name(file.name.replace("record_", "instances_", 1)).with_suffix(".npz")
    )
    return Result(record, rows, file.with_name(file.name.replace("record_", "masks_", 1)))


def _check_comparable(first: Result, second: Result) -> None:
    """Raise ValueError unless both were tested with the same prompts on the same annotations."""
    for what in ("prompts", "dataset", "data_sha256"):
        one, other = getattr(first.record, what), getattr(second.record, what)
        if one != other:
            raise ValueError(f"the results differ in {what}: {one} and {other}; test both alike")
    check_same_instances(first.rows, second.rows)


def _check_measured(result: Result, vocabulary: Vocabulary) -> None:
    """Raise ValueError unless the instances give the numbers of the record beside them."""
    found = summarize(result.rows, base=sorted(vocabulary.base), novel=sorted(vocabulary.novel))
    for name, value in result.record.metrics.items():
        if value is None and name not in found:
            continue
        if value is None or not math.isclose(found.get(name, math.nan), value, abs_tol=1e-6):
            raise ValueError(
                f"the instances of {result.title} give {name} {found.get(name)}, its record has {value}:"
                " they are not of one test, or were changed; test again"
            )


def _compare(
    first: Result, second: Result, vocabulary: Vocabulary, args: argparse.Namespace
) -> tuple[list[Difference], list[Difference]]:
    """Differences of all instances, base and novel classes and sizes; and of every class."""
    rows = first.rows
    split, classes = label_groups(
        rows.labels, sorted(vocabulary.base), sorted(vocabulary.novel), vocabulary.names
    )
    groups = {"all": split["base"] | split["novel"], **split, **size_groups(rows.areas)}
    large = {name: chosen for name, chosen in classes.items() if chosen.sum() >= args.min_instances}
    settings: dict[str, Any] = dict(seed=args.seed, num_resamples=args.resamples)
    overall = compare_groups(rows, second.rows, groups, **settings)
    by_class = compare_groups(rows, second.rows, large, **settings)
    return overall, sorted(by_class, key=lambda found: (found.metric, found.difference))


def _describe(
    first: Result, second: Result, overall: Sequence[Difference], by_class: Sequence[Difference]
) -> str:
    """The comparison as Markdown."""
    lines = [
        f"A: {first.title}  ",
        f"B: {second.title}",
        "",
        f"{first.record.dataset}, prompts: {first.record.prompts}. Percent; the difference is B - A,"
        " with its 95 % bootstrap interval over images; `*` where that leaves out 0.",
    ]
    for found, title in ((overall, "Groups"), (by_class, "Classes, the largest losses and gains")):
        for metric in dict.fromkeys(entry.metric for entry in found):
            rows = [entry for entry in found if entry.metric == metric]
            if len(rows) > 2 * NUM_SHOWN:  # comparison.json has all
                rows = [*rows[:NUM_SHOWN], *rows[-NUM_SHOWN:]]
            lines += ["", f"**{title}: {METRICS[metric]}**", "", *_table(rows)]
    return "\n".join(lines) + "\n"


def _table(found: Sequence[Difference]) -> list[str]:
    header = "| | n | A | B | difference | interval | B better | B worse |"
    lines = [header, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for entry in found:
        star = "*" if entry.is_clear else ""
        lines.append(
            f"| {entry.group} | {entry.num:,} | {entry.first:.1f} | {entry.second:.1f} |"
            f" {entry.difference:+.2f}{star} | {entry.low:+.2f} to {entry.high:+.2f} |"
            f" {entry.num_better:,} | {entry.num_worse:,} |"
        )
    return lines


def _write_into(
    path: Path, first: Record, second: Record, found: Sequence[Difference], args: argparse.Namespace
) -> None:
    """Put a comparison among those of a results file, in place of one of the same pair and prompts."""
    pairs = read_signed(path, f"compare again with --into {path}", "pairs") if path.is_file() else {}
    groups: dict[str, dict[str, Any]] = {}
    for entry in found:
        numbers = {**asdict(entry), "difference": entry.difference}
        groups.setdefault(entry.group, {})[entry.metric] = numbers
    sides = {
        side: {
            "config": record.config,
            "seed": record.seed,
            "weights": record.weights,
            "provenance": record.provenance,
        }
        for side, record in (("first", first), ("second", second))
    }
    names = (record.config.split("/")[-1] for record in (first, second))
    name = "_".join((*names, first.prompts.replace(":", "_").replace(".", "_"), args.split))
    settings = {"dataset": first.dataset, "data_sha256": first.data_sha256, "resamples": args.resamples}
    origin = {"provenance": Measurement().origin()}
    pairs[name] = {**settings, "bootstrap_seed": args.seed, **origin, **sides, "groups": groups}
    write_signed({"pairs": dict(sorted(pairs.items()))}, path)


def _draw_worst(
    first: Result, second: Result, config: Config, vocabulary: Vocabulary, args: argparse.Namespace
) -> None:
    """Draw the objects where B loses most, from the pictures that `<split>_dataloader` reads."""
    rows = worst_rows(first.rows, second.rows, args.worst)
    if not len(rows):
        print("B loses nowhere against A; no picture of worst cases")
        return
    settings = copy.deepcopy(config[f"{args.split}_dataloader"].dataset)
    settings.update(pipeline=[dict(type=LoadImage), dict(type=LoadInstances)], cache_images=False)
    dataset = DATASETS.build(settings)
    places = {dataset.get_data_info(i)["img_id"]: i for i in range(len(dataset))}
    cases = []
    for row in map(int, rows):
        image_id = first.rows.image_ids[row]
        within = row - int(np.argmax(first.rows.image_ids == image_id))
        sample = dataset[places[int(image_id)]] if int(image_id) in places else None
        if sample is None or int(sample["masks"][within].sum()) != first.rows.areas[row]:
            raise ValueError(f"image {image_id} of the results is not in {dataset.ann_file} as it was")
        predicted = [int(result.rows.predicted[row]) for result in (first, second)]
        cases.append(
            Case(
                image=sample["img"],
                mask=sample["masks"][within],
                name=vocabulary.names[first.rows.labels[row]],
                masks=(first.mask(row), second.mask(row)),
                names=tuple(vocabulary.names[label] if label >= 0 else "" for label in predicted),
                ious=(float(first.rows.ious[row]), float(second.rows.ious[row])),
                title=f"image {image_id}, truth",
            )
        )
    Image.fromarray(draw_cases(cases)).save(args.output / "worst.png")
    print(f"  {args.output / 'worst.png'}")
    if first.codes is None or second.codes is None:
        print("predicted masks are not drawn: test both with --keep-masks")
