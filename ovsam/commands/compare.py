"""What `ovsam compare` does; its options are in `ovsam.arguments.compare`."""

import argparse
import copy
import dataclasses
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from PIL import Image

from ovsam.benchmark import records
from ovsam.benchmark.records import Record
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


@dataclass(frozen=True)
class Result:
    """One test.

    Attributes:
        record: what was tested.
        rows: its instances.
    """

    record: Record
    rows: InstanceResults

    @property
    def title(self) -> str:
        """Which test it is, in words."""
        return f"{self.record.method} ({self.record.config}, seed {self.record.seed})"


def run(args: argparse.Namespace) -> int:
    """Compare and print.

    Raises:
        FileNotFoundError: no such record, or no instances beside it.
        ValueError: results of different data.
    """
    for name in ("resamples", "min_instances"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be 1 or more, got {getattr(args, name)}")
    first, second = (read_result(path, args.split, args.prompts) for path in (args.first, args.second))
    check_comparable(first, second)
    config = load_config(find_config(args.config or first.record.config))
    vocabulary = vocabulary_of(config, args.split)
    check_measured(first, vocabulary)
    check_measured(second, vocabulary)
    overall, by_class = compare_results(
        first, second, vocabulary, min_instances=args.min_instances, seed=args.seed, num=args.resamples
    )
    text = describe(first, second, overall, by_class)
    sys.stdout.write(text)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "comparison.md").write_text(text)
        write_json(_content(first, second, overall, by_class), args.output / "comparison.json")
        print(f"\n  {args.output / 'comparison.md'}\n  {args.output / 'comparison.json'}")
        if args.worst > 0:
            _draw_worst(first, second, config, vocabulary, args)
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
    file = _record_file(path, split, prompts)
    record = records.read(file)
    beside = file.with_name(file.name.replace("record_", "instances_", 1)).with_suffix(".npz")
    return Result(record, read_instances(beside))


def read_masks(path: Path, split: str, prompts: str) -> Callable[[int], np.ndarray] | None:
    """Predicted masks of a test by row, (H, W) bool each; None where the test did not keep them.

    Args:
        path: record file, or a folder that has one.
        split: of the record in a folder.
        prompts: likewise.
    """
    file = _record_file(path, split, prompts)
    kept = file.with_name(file.name.replace("record_", "masks_", 1))
    if not kept.is_file():
        return None
    codes = json.loads(kept.read_text())

    def mask(row: int) -> np.ndarray:
        code = codes[row]
        return decode_segmentations([code], tuple(code["size"]))[0]

    return mask


def _record_file(path: Path, split: str, prompts: str) -> Path:
    return path / f"record_{split}_{prompts.replace(':', '_')}.json" if path.is_dir() else path


def check_comparable(first: Result, second: Result) -> None:
    """Raise ValueError unless both were tested with the same prompts on the same annotations."""
    for what in ("prompts", "dataset", "data_sha256"):
        one, other = getattr(first.record, what), getattr(second.record, what)
        if one != other:
            raise ValueError(f"the results differ in {what}: {one} and {other}; test both alike")
    check_same_instances(first.rows, second.rows)


def check_measured(result: Result, vocabulary: Vocabulary) -> None:
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


def vocabulary_of(config: Config, split: str) -> Vocabulary:
    """The vocabulary of a config's test data.

    Raises:
        ValueError: the data set names none.
    """
    name = (config.get(f"{split}_dataloader") or {}).get("dataset", {}).get("vocabulary")
    if not isinstance(name, str):
        raise ValueError(f"the config's {split} data set names no vocabulary; pass another --config")
    return get_vocabulary(name)


def compare_results(
    first: Result,
    second: Result,
    vocabulary: Vocabulary,
    *,
    min_instances: int,
    seed: int,
    num: int,
) -> tuple[list[Difference], list[Difference]]:
    """Differences of all instances, base and novel classes and sizes; and of every class.

    Args:
        first: A.
        second: B.
        vocabulary: of both.
        min_instances: smaller classes are left out.
        seed: of the bootstrap.
        num: its resamples.
    """
    rows = first.rows
    split, classes = label_groups(
        rows.labels, sorted(vocabulary.base), sorted(vocabulary.novel), vocabulary.names
    )
    groups = {"all": split["base"] | split["novel"], **split, **size_groups(rows.areas)}
    large = {name: chosen for name, chosen in classes.items() if chosen.sum() >= min_instances}
    settings: dict[str, Any] = dict(seed=seed, num_resamples=num)
    overall = compare_groups(rows, second.rows, groups, **settings)
    by_class = compare_groups(rows, second.rows, large, **settings)
    return overall, sorted(by_class, key=lambda found: (found.metric, found.difference))


def describe(
    first: Result, second: Result, overall: Sequence[Difference], by_class: Sequence[Difference]
) -> str:
    """The comparison as Markdown."""
    lines = [
        f"A: {first.title}  ",
        f"B: {second.title}",
        "",
        f"{first.record.dataset}, prompts: {first.record.prompts}. Percent; the difference is B - A,"
        " with its 95 % bootstrap interval over images; `*` where that leaves out 0.",
        "",
    ]
    for found, title in ((overall, "Groups"), (by_class, "Classes, the largest losses and gains")):
        for metric in dict.fromkeys(entry.metric for entry in found):
            name = {"iou": "IoU", "accuracy": "Accuracy"}[metric]
            rows = [entry for entry in found if entry.metric == metric]
            lines += [f"**{title}: {name}**", "", *_table(_ends(rows)), ""]
    return "\n".join(lines[:-1]) + "\n"


def _ends(rows: Sequence[Difference]) -> list[Difference]:
    """The first and the last of many; comparison.json has all."""
    return [*rows] if len(rows) <= 2 * NUM_SHOWN else [*rows[:NUM_SHOWN], *rows[-NUM_SHOWN:]]


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


def _content(
    first: Result, second: Result, overall: Sequence[Difference], by_class: Sequence[Difference]
) -> dict[str, Any]:
    def plain(entry: Difference) -> dict[str, Any]:
        return {**dataclasses.asdict(entry), "difference": entry.difference}

    return {
        "first": first.record.to_dict(),
        "second": second.record.to_dict(),
        "groups": [plain(entry) for entry in overall],
        "classes": [plain(entry) for entry in by_class],
    }


def _draw_worst(
    first: Result, second: Result, config: Config, vocabulary: Vocabulary, args: argparse.Namespace
) -> None:
    rows = worst_rows(first.rows, second.rows, args.worst)
    if not len(rows):
        print("B loses nowhere against A; no picture of worst cases")
        return
    kept = [read_masks(path, args.split, args.prompts) for path in (args.first, args.second)]
    cases = worst_cases(first, second, rows, config, vocabulary, args.split, kept)
    Image.fromarray(draw_cases(cases)).save(args.output / "worst.png")
    print(f"  {args.output / 'worst.png'}")
    if None in kept:
        print("predicted masks are not drawn: test both with --keep-masks")


def worst_cases(
    first: Result,
    second: Result,
    rows: np.ndarray,
    config: Config,
    vocabulary: Vocabulary,
    split: str,
    kept: Sequence[Callable[[int], np.ndarray] | None],
) -> list[Case]:
    """What is drawn of some rows.

    Args:
        first: A.
        second: B.
        rows: (k,) rows of both.
        config: whose `<split>_dataloader` reads the pictures.
        vocabulary: of both.
        split: `test` or `val`.
        kept: for A and B a function of a row that gives its mask, or None.

    Raises:
        ValueError: the annotations are not those of the results.
    """
    settings = copy.deepcopy(config[f"{split}_dataloader"].dataset)
    settings.update(pipeline=[dict(type=LoadImage), dict(type=LoadInstances)], cache_images=False)
    dataset = DATASETS.build(settings)
    places = {dataset.get_data_info(i)["img_id"]: i for i in range(len(dataset))}
    cases = []
    for row in rows:
        image_id = first.rows.image_ids[row]
        within = int(row - np.argmax(first.rows.image_ids == image_id))
        sample = dataset[places[int(image_id)]] if int(image_id) in places else None
        if sample is None or int(sample["masks"][within].sum()) != first.rows.areas[row]:
            raise ValueError(f"image {image_id} of the results is not in {dataset.ann_file} as it was")
        cases.append(
            Case(
                image=sample["img"],
                mask=sample["masks"][within],
                name=vocabulary.names[first.rows.labels[row]],
                masks=tuple(None if masks is None else masks(int(row)) for masks in kept),
                names=tuple(_name(r.rows.predicted[row], vocabulary) for r in (first, second)),
                ious=(float(first.rows.ious[row]), float(second.rows.ious[row])),
                title=f"image {image_id}, truth",
            )
        )
    return cases


def _name(label: int, vocabulary: Vocabulary) -> str:
    return vocabulary.names[label] if label >= 0 else ""
