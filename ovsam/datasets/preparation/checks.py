"""What all preparations share: options, the report, sources of downloads, decoding of pictures."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from ovsam.datasets.coco_index import CocoIndex
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.tree import partial_beside
from ovsam.interfaces import Size
from ovsam.ops.masks import areas_of_segmentations
from ovsam.structures.vocabulary import Vocabulary

#: Broken files that a report names; it counts the rest.
NUM_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to check and to write; each data set uses what applies to it."""

    workers: int = 1  # threads that decode or convert
    force: bool = False  # replace files that are there
    with_pictures: bool = False  # decode every picture too
    any_number: bool = False  # accept a part of the split's images, to try things
    # called with (done, total) during every longer step
    progress: Callable[[int, int], None] = lambda done, total: None


class Source(NamedTuple):
    """Where to get a file: its name, its size (as text) and its publisher's address."""

    name: str
    size: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.size}) from {self.address}"


@dataclass
class TreeReport:
    """What a check found: what is there, what is missing (with its source), what is broken."""

    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing or broken."""
        return not self.missing and not self.broken

    def __str__(self) -> str:
        return "\n".join(
            f"{title}:\n  " + "\n  ".join(lines) for title, lines in vars(self).items() if lines
        )


class Picture(NamedTuple):
    """A picture to decode: its name in reports, its bytes, and the (h, w) px of its annotations."""

    name: str
    read: Callable[[], bytes]
    size: Callable[[], Size | None]

    def problem(self) -> str | None:
        """Why the picture cannot be used, if it cannot."""
        try:
            expected = self.size()
            size = read_picture(self.name, self.read(), size=expected).shape[:2]
        except (ValueError, OSError) as error:
            return str(error)
        if expected is not None and size != expected:
            return f"{self.name} has (h, w) = {size}, its annotations say {expected}"
        return None


def check_pictures(
    report: TreeReport, title: str, pictures: Sequence[Picture], options: Options
) -> None:
    """Decode every picture; report those that are broken or differ in size from their annotations."""
    problems: list[str] = []
    with ThreadPoolExecutor(options.workers) as pool:  # decoding releases Python's lock
        for done, problem in enumerate(pool.map(Picture.problem, pictures), start=1):
            options.progress(done, len(pictures))
            if problem is not None:
                problems.append(problem)
    if problems:
        report.broken.append(
            f"pictures of {title}: {len(problems):,} of {len(pictures):,} are broken:"
            f" {listed(problems)}; download them again"
        )
    elif pictures:
        report.found.append(f"pictures of {title}: all {len(pictures):,} decode and have the right size")


def describe_index(index: CocoIndex, vocabulary: Vocabulary, options: Options) -> list[str]:
    """Lines that count an annotation file's instances, read with all labels, and what is left out."""
    groups = dict.fromkeys(vocabulary.base, "base") | dict.fromkeys(vocabulary.novel, "novel")
    counts: Counter[str] = Counter()
    skipped = Counter(index.skipped)
    for done, image in enumerate(index.images, start=1):
        instances = image["instances"]
        areas = areas_of_segmentations(
            [i["segmentation"] for i in instances], (image["height"], image["width"])
        )
        for instance, area in zip(instances, areas, strict=True):
            if area:
                counts[groups.get(instance["label"], "unused")] += 1
            else:
                skipped["masks without a pixel"] += 1
        skipped["images without an instance"] += not instances
        options.progress(done, len(index.images))
    found = ", ".join(f"{counts[group]:,} {group}" for group in ("base", "novel", "unused"))
    left_out = ", ".join(f"{number:,} {reason}" for reason, number in skipped.items() if number)
    return [f"instances: {found}", *([f"left out: {left_out}"] if left_out else [])]


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """A text file that takes its name only if the block succeeds.

    A killed run may leave a partial file; the next run on the same machine removes it.
    """
    partial = partial_beside(path)
    try:
        with partial.open("w", encoding="utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON on one line, the whole file or nothing."""
    with new_file(path) as stream:
        stream.write(json.dumps(content) + "\n")


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - NUM_NAMED:,} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more
