"""What the checks of all data sets share: a report, sources of what is missing, decoding of pictures."""

import hashlib
import json
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from ovsam.datasets.coco_index import CocoIndex
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.tree import is_alive
from ovsam.interfaces import Size
from ovsam.ops.masks import areas_of_segmentations
from ovsam.structures.vocabulary import Vocabulary

#: Called with (done, in all).
Progress = Callable[[int, int], None]
#: Broken files that a report names; of more it gives the number.
NUM_NAMED = 5


class Source(NamedTuple):
    """Where something is from.

    Attributes:
        name: of the file to download.
        size: of it, for people.
        address: of its publisher.
    """

    name: str
    size: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.size}) from {self.address}"


@dataclass
class TreeReport:
    """What a check found.

    Attributes:
        found: what is there, with counts.
        missing: what is not, each with size and source.
        broken: what is there and cannot be used, each with what mends it.
    """

    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing or broken."""
        return not self.missing and not self.broken

    def __str__(self) -> str:
        blocks = (("there", self.found), ("missing", self.missing), ("broken", self.broken))
        return "\n".join(f"{title}:\n  " + "\n  ".join(lines) for title, lines in blocks if lines)


class Picture(NamedTuple):
    """A picture to decode.

    Attributes:
        name: what the report calls it.
        read: gives its bytes.
        size: gives the (h, w) that its annotations say, px; None where there are none.
    """

    name: str
    read: Callable[[], bytes]
    size: Callable[[], Size | None]


def check_pictures(
    report: TreeReport, title: str, pictures: Sequence[Picture], *, workers: int, progress: Progress
) -> None:
    """Decode every picture; add those that are broken or of another size than their annotations say."""
    if not pictures:
        return
    problems: list[str] = []
    with ThreadPoolExecutor(workers) as pool:  # decoding runs outside of Python's lock
        for done, problem in enumerate(pool.map(_problem_of, pictures), start=1):
            progress(done, len(pictures))
            if problem is not None:
                problems.append(problem)
    if not problems:
        report.found.append(f"pictures of {title}: all {len(pictures):,} decode, with the right size")
        return
    report.broken.append(
        f"pictures of {title}: {len(problems):,} of {len(pictures):,} are broken: {listed(problems)};"
        " get them again"
    )


def describe_index(index: CocoIndex, vocabulary: Vocabulary, progress: Progress) -> list[str]:
    """Lines on the classes of an annotation file and on what the reader leaves out of it.

    Args:
        index: read with all labels kept.
        vocabulary: its classes.
        progress: called with (images done, images in all).
    """
    groups = dict.fromkeys(vocabulary.base, "base") | dict.fromkeys(vocabulary.novel, "novel")
    counts: Counter[str] = Counter()
    num_without_pixel = 0
    for done, image in enumerate(index.images, start=1):
        instances = image["instances"]
        areas = areas_of_segmentations(
            [i["segmentation"] for i in instances], (image["height"], image["width"])
        )
        usable = [i["label"] for i, area in zip(instances, areas, strict=True) if area]
        counts.update(groups.get(label, "unused") for label in usable)
        num_without_pixel += len(instances) - len(usable)
        progress(done, len(index.images))
    kept = ", ".join(f"{counts[group]:,} {group}" for group in ("base", "novel", "unused"))
    lines = [f"instances: {kept}"]
    skipped = dict(index.skipped)
    if num_without_pixel:
        skipped["masks without a pixel"] = num_without_pixel
    num_empty = sum(not image["instances"] for image in index.images)
    if num_empty:
        skipped["images without an instance"] = num_empty
    if skipped:
        lines.append(
            "left out: " + ", ".join(f"{number:,} {reason}" for reason, number in skipped.items())
        )
    return lines


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """A text file that takes its name when the block ends without an error; else nothing is left.

    What a killed run left is removed by the next one on the same machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.partial-{socket.gethostname()}-"
    for left in path.parent.glob(f"{prefix}*"):
        process = left.name.removeprefix(prefix)
        if process.isdigit() and not is_alive(int(process)):
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{prefix}{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON under its name in one step."""
    with new_file(path) as stream:
        stream.write(json.dumps(content) + "\n")


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def listed(names: Iterable[str]) -> str:
    """The first few of some names, with the number of the others."""
    names = list(names)
    more = f" and {len(names) - NUM_NAMED:,} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more


def _problem_of(picture: Picture) -> str | None:
    try:
        size = read_picture(picture.name, picture.read()).shape[:2]
        expected = picture.size()
    except (ValueError, OSError) as error:
        return str(error)
    if expected is not None and size != expected:
        return f"{picture.name} has (h, w) = {size}, its annotations say {expected}"
    return None
