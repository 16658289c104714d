"""Checks parts of SA-1B; writes the list of parts and the index of a subset."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ovsam.datasets.preparation.checks import (
    Options,
    Picture,
    Source,
    TreeReport,
    check_pictures,
    listed,
    new_file,
    write_json,
)
from ovsam.datasets.sa1b import read_masks
from ovsam.datasets.sa1b_index import Place, describe_parts, files_of_index, find_parts
from ovsam.datasets.tree import DataTreeError
from ovsam.files import read_json
from ovsam.interfaces import Size

SOURCE = Source(
    "sa_NNNNNN.tar",
    "about 11 GB and 11,100 images each",
    "https://ai.meta.com/datasets/segment-anything-downloads/ (SA-1B's research licence)",
)
#: 1 % of the 1,000 parts, which the published distillation was trained on.
PUBLISHED_PARTS = 10
MEND = "give --force to replace it"


def prepare_sa1b(
    root: Path, options: Options, parts: Sequence[str] | None = None, name: str = "subset"
) -> TreeReport:
    """Check parts of SA-1B; write their list, `<name>.txt`, and their index, `<name>.json`.

    Args:
        root: folder of the parts; see data/README.md.
        options: `with_pictures` reads the JSON files too; `force` replaces an index of other images.
        parts: names of folders or tar files in it; all if left out.

    Raises:
        DataTreeError: an index of other images is there and `force` is not set.
        ValueError: a part is named twice, or `name` is not a file name.
    """
    if not name or Path(name).name != name or name.startswith((".", "sa_")):
        raise ValueError(f"the name of a subset must be a plain file name, got {name!r}")
    twice = sorted({part for part in parts or () if parts.count(part) > 1})
    if twice:
        raise ValueError(f"parts are named twice: {listed(twice)}")
    report = TreeReport()
    if parts is None:
        chosen = find_parts(root) if root.is_dir() else []
        absent = "" if chosen else f"parts of SA-1B in {root} (the published 1 % is {PUBLISHED_PARTS})"
    else:
        chosen = [root / part for part in sorted(parts)]
        gone = [path.name for path in chosen if not path.exists()]
        absent = f"{len(gone)} of {len(parts)} parts in {root}, {listed(gone)}" if gone else ""
    if absent:
        report.missing.append(f"{absent}: {SOURCE}")
        return report
    try:
        content = describe_parts(chosen)
    except ValueError as error:
        report.broken.append(f"{error} [{SOURCE}]")
        return report
    _describe(report, root, content)
    if options.with_pictures and not report.broken:
        pictures = [
            Picture(f"sa_{number}.jpg", files["jpg"].read, partial(_size_of, number, files.get("json")))
            for number, files in sorted(files_of_index(content, root).items())
        ]
        check_pictures(report, name, pictures, options)
    if not report.broken:
        index = root / f"{name}.json"
        state = "made" if _write(index, content, options.force) else "already there"
        report.found.append(
            f"{index}: {state}, {content['num_images']:,} images, sha256 {content['digest']}"
        )
    return report


def _describe(report: TreeReport, root: Path, content: dict[str, Any]) -> None:
    for part in content["parts"]:
        folder = root / part["name"]
        without = sum(row[3] is None for row in part["files"])
        note = f", {without:,} of them without masks" if without else ""
        report.found.append(f"{folder}: {len(part['files']):,} images{note}")
        sizes = {f"sa_{row[0]}.jpg": row[2] for row in part["files"]}
        if part["bytes"] is None:
            sizes = {name: (folder / name).stat().st_size for name in sizes}
        empty = [name for name, num_bytes in sizes.items() if num_bytes == 0]
        if empty or not part["files"]:
            reason = f"empty files: {listed(empty)}" if empty else "no sa_*.jpg"
            report.broken.append(f"{folder}: {reason}; unpack it again from {SOURCE}")
    number = len(content["parts"])
    if number != PUBLISHED_PARTS:
        report.found.append(f"{number} of 1,000 parts; the published 1 % is {PUBLISHED_PARTS}")


def _write(index: Path, content: dict[str, Any], force: bool) -> bool:
    """Write the list and the index, or leave an index that is the same; whether they were written."""
    if index.exists() and not force:
        if read_json(index, missing=MEND, damaged=MEND) != content:
            raise DataTreeError(
                f"{index} lists other images than the parts have now; {MEND}, or"
                " --name to make another one"
            )
        return False
    with new_file(index.with_suffix(".txt")) as stream:
        stream.writelines(f"{part['name']}\n" for part in content["parts"])
    write_json(index, content)
    return True


def _size_of(number: int, place: Place | None) -> Size | None:
    if place is None:
        return None
    masks = read_masks(place, f"sa_{number}.jpg")
    return masks["height"], masks["width"]
