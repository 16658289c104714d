"""Checks LVIS v1 and makes its training file without the annotations of rare classes."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ovsam.datasets.preparation.checks import Options, Source, TreeReport, new_file, write_json
from ovsam.datasets.preparation.coco import AnnotatedSplit, check_split
from ovsam.datasets.tree import DataTreeError
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.files import read_json, sha256_of
from ovsam.structures.vocabulary import Vocabulary

ADDRESS = "https://dl.fbaipublicfiles.com/LVIS"
SPLITS = {
    "train": AnnotatedSplit(
        "annotations/lvis_v1_train.json",
        Source("lvis_v1_train.json.zip", "350 MB", f"{ADDRESS}/lvis_v1_train.json.zip"),
        100_170,
        1_270_141,
        ("train2017",),
    ),
    "val": AnnotatedSplit(
        "annotations/lvis_v1_val.json",
        Source("lvis_v1_val.json.zip", "64 MB", f"{ADDRESS}/lvis_v1_val.json.zip"),
        19_809,
        244_707,
        ("train2017", "val2017"),
    ),
}
WITHOUT_RARE = "annotations/lvis_v1_train_norare.json"
#: Entry of the made file's record -> what it means if that differs.
CHANGES = {
    "source_sha256": "was made from a different training file",
    "vocabulary_sha256": "was made with a different class split",
    "sha256": "was changed or damaged after it was made",
}
FORCE = "give --force to replace it"


def prepare_lvis(root: Path, options: Options, images: Path, splits: Sequence[str]) -> TreeReport:
    """Check `splits` of LVIS v1; with `train`, make the training file without rare classes.

    `images` is the folder of COCO 2017, whose images LVIS annotates.

    Raises:
        DataTreeError: a training file that is damaged or was made differently exists and `force` is not
            set.
    """
    report, vocabulary = TreeReport(), get_vocabulary("lvis_v1")
    for name in splits:
        confirm = partial(_check_frequencies, root / SPLITS[name].ann_file, vocabulary)
        content = check_split(
            report, root, SPLITS[name], vocabulary, options, images=images, confirm=confirm
        )
        if name == "train" and content is not None:
            report.found.append(_make_without_rare(root, content, vocabulary, options.force))
    return report


def _make_without_rare(root: Path, content: dict[str, Any], vocabulary: Vocabulary, force: bool) -> str:
    """Copy the training file's `content` without the annotations of novel classes; say what was done.

    The record `*.made.json` beside the file keeps the sha256 of both files and of the vocabulary, so
    that the next call recognises the file and leaves it.
    """
    target = root / WITHOUT_RARE
    record_path = target.with_suffix(".made.json")
    source = root / SPLITS["train"].ann_file
    origin = {"source_sha256": sha256_of(source), "vocabulary_sha256": vocabulary.digest()}
    if target.exists() and not force:
        return _confirm(target, record_path, origin)
    rare = {vocabulary.category_ids[label] for label in vocabulary.novel}
    rows = content["annotations"]
    kept = [row for row in rows if row["category_id"] not in rare]
    counts = {"num_annotations": len(kept), "num_left_out": len(rows) - len(kept)}
    with new_file(target) as stream:
        stream.write("{")
        for key, value in content.items():
            if key != "annotations":
                stream.write(f"{json.dumps(key)}: {json.dumps(value)},\n")
        stream.write('"annotations": [')
        for number, row in enumerate(kept):  # row by row: the whole text would take a gigabyte
            stream.write((",\n" if number else "\n") + json.dumps(row))
        stream.write("\n]}\n")
        stream.flush()
        # The record comes first: without it, a later run would take the file for someone else's.
        write_json(record_path, {**origin, "sha256": sha256_of(stream.name), **counts})
    return (
        f"{target}: made, {counts['num_annotations']:,} annotations, without"
        f" {counts['num_left_out']:,} of rare classes"
    )


def _confirm(target: Path, record_path: Path, origin: dict[str, str]) -> str:
    """Say that `target` is there; DataTreeError where it is not what its source gives."""
    if not record_path.exists():
        raise DataTreeError(
            f"{target} was not written by this command ({record_path.name} is missing); {FORCE}"
        )
    record = read_json(record_path, missing=FORCE, damaged=FORCE)
    for key, expected in {**origin, "sha256": sha256_of(target)}.items():
        if record.get(key) != expected:
            raise DataTreeError(f"{target} {CHANGES[key]}; {FORCE}")
    return f"{target}: already there, {record['num_annotations']:,} annotations"


def _check_frequencies(path: Path, vocabulary: Vocabulary, content: dict[str, Any]) -> None:
    """Raise ValueError where the file's frequencies contradict the vocabulary's split."""
    for row in content.get("categories", []):
        label = vocabulary.label_of_category.get(row.get("id"))
        if label is None or "frequency" not in row:
            continue
        is_rare = label in vocabulary.novel
        if (row["frequency"] == "r") != is_rare:
            raise ValueError(
                f"{path}: category {row['id']} ({vocabulary.names[label]!r}) has frequency"
                f" {row['frequency']!r}, but is {'rare' if is_rare else 'not rare'} in the vocabulary:"
                " is this LVIS v1?"
            )
