"""Checks LVIS v1 and makes its training file without the annotations of rare classes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ovsam.datasets.preparation.checks import (
    Progress,
    Source,
    TreeReport,
    check_pictures,
    file_sha256,
    new_file,
    write_json,
)
from ovsam.datasets.preparation.coco import (
    AnnotatedSplit,
    check_annotations,
    check_folder,
    check_images,
    pictures_of,
)
from ovsam.datasets.tree import DataTreeError
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

ADDRESS = "https://dl.fbaipublicfiles.com/LVIS"
SPLITS = {
    "train": AnnotatedSplit(
        "annotations/lvis_v1_train.json",
        Source("lvis_v1_train.json.zip", "350 MB", f"{ADDRESS}/lvis_v1_train.json.zip"),
        100_170,
        1_270_141,
    ),
    "val": AnnotatedSplit(
        "annotations/lvis_v1_val.json",
        Source("lvis_v1_val.json.zip", "64 MB", f"{ADDRESS}/lvis_v1_val.json.zip"),
        19_809,
        244_707,
    ),
}
#: Images of each split: those of val lie in both folders of COCO.
IMAGE_FOLDERS = {"train": ("train2017",), "val": ("train2017", "val2017")}
WITHOUT_RARE = "annotations/lvis_v1_train_norare.json"
FORCE = "give --force to replace it"


def prepare_lvis(
    root: Path,
    images: Path,
    *,
    splits: Sequence[str],
    with_pictures: bool,
    workers: int,
    force: bool,
    progress: Progress,
) -> TreeReport:
    """Check the tree of LVIS v1; make the training file without rare classes if train is among `splits`.

    Args:
        root: its folder; see data/README.md.
        images: folder of COCO 2017, whose images LVIS annotates.
        splits: `train`, `val` or both.
        with_pictures: decode every picture too.
        workers: threads that decode.
        force: replace a training file that is there, but is damaged or of another making.
        progress: called with (done, in all) during every longer step.

    Raises:
        DataTreeError: such a file is there without `force`.
    """
    report, vocabulary = TreeReport(), get_vocabulary("lvis_v1")
    for name in splits:
        split = SPLITS[name]
        content, index = check_annotations(report, root, split, vocabulary, progress)
        if index is None:
            for folder in IMAGE_FOLDERS[name]:
                check_folder(report, images, folder)
            continue
        other = _other_frequency(content, vocabulary)
        if other is not None:
            report.broken.append(f"{root / split.ann_file}: {other} [{split.source}]")
            continue
        check_images(report, images, split, index)
        if with_pictures:
            pictures = pictures_of(images, split, index)
            check_pictures(report, split.ann_file, pictures, workers=workers, progress=progress)
        if name == "train":
            report.found.append(
                make_without_rare(root / split.ann_file, root / WITHOUT_RARE, content, vocabulary, force)
            )
    return report


def make_without_rare(
    source: Path, target: Path, content: dict[str, Any], vocabulary: Vocabulary, force: bool
) -> str:
    """Copy an annotation file without the annotations of novel classes. `source` is only read.

    Images and categories stay. Beside the file a record `*.made.json` keeps the sha256 of both files
    and of the vocabulary: a second call leaves a file as it is that is what this one would write.

    Args:
        source: annotation file.
        target: file to write.
        content: of `source`.
        vocabulary: its novel labels are left out.
        force: replace what is there.

    Returns:
        A line on what was done.

    Raises:
        DataTreeError: another file is there and `force` is not given.
    """
    record_path = target.with_suffix(".made.json")
    origin = {"source_sha256": file_sha256(source), "vocabulary_sha256": vocabulary.digest()}
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
        # The record comes first: a file whose record is missing would pass for somebody else's.
        write_json(record_path, {**origin, "sha256": file_sha256(Path(stream.name)), **counts})
    return (
        f"{target}: made, {counts['num_annotations']:,} annotations, without"
        f" {counts['num_left_out']:,} of rare classes"
    )


def _confirm(target: Path, record_path: Path, origin: dict[str, str]) -> str:
    """A line that says that `target` is there.

    Raises:
        DataTreeError: it is not what would be made of the source.
    """
    try:
        record = json.loads(record_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataTreeError(
            f"{target} was not written by this command ({record_path.name} is missing); {FORCE}"
        ) from None
    except ValueError as error:
        raise DataTreeError(f"{record_path} is not valid JSON ({error}); {FORCE}") from None
    for key, expected in (*origin.items(), ("sha256", file_sha256(target))):
        if record.get(key) != expected:
            what = {
                "sha256": "was changed or damaged after it was made",
                "source_sha256": "was made of another training file",
                "vocabulary_sha256": "was made with another class split",
            }[key]
            raise DataTreeError(f"{target} {what}; {FORCE}")
    return f"{target}: is there, {record['num_annotations']:,} annotations, left as it is"


def _other_frequency(content: dict[str, Any], vocabulary: Vocabulary) -> str | None:
    """What the file's own frequencies say otherwise than the vocabulary's split."""
    label_of_category = vocabulary.label_of_category
    for row in content.get("categories", []):
        label = label_of_category.get(row.get("id"))
        if label is None or "frequency" not in row:
            continue
        if (row["frequency"] == "r") != (label in vocabulary.novel):
            return (
                f"category {row['id']} ({vocabulary.names[label]!r}) has frequency {row['frequency']!r},"
                f" in the vocabulary it is {'rare' if label in vocabulary.novel else 'not rare'}:"
                " is it LVIS v1?"
            )
    return None
