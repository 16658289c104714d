"""Which files of SA-1B there are and where their bytes are: found on the disk, or read from an index.

An index is a JSON file beside the parts that fixes a subset. No run has to look through tar files of
11 GB then, and every run has the same images:

    {"format": 1, "digest": sha256 of "parts", "num_images": n, "parts": [
      {"name": "sa_000000.tar", "bytes": size of the tar file, null for a folder,
       "files": [[number, JPEG offset, JPEG bytes, JSON offset, JSON bytes], ...]}]}

In folders an offset is 0 and a length -1, the whole file; both JSON numbers are null where an image has
no masks.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ovsam.datasets.tar_files import list_tar
from ovsam.files import read_json

FILE_NAME = re.compile(r"sa_(\d+)\.(jpg|json)")
FORMAT = 1
COMMAND = "run `python tools/prepare_data.py sa1b`"


class Place(NamedTuple):
    """Where the bytes of a file are: a file of its own, or a stretch of a tar file."""

    path: str  # of the file or of the tar file
    offset: int = 0  # of the first byte
    num_bytes: int = -1  # length; -1 for a file of its own

    @property
    def is_member(self) -> bool:
        """Whether `path` is a tar file."""
        return self.num_bytes >= 0

    @property
    def part(self) -> str:
        """Name of the folder or tar file."""
        return Path(self.path).name if self.is_member else Path(self.path).parent.name

    def read(self) -> bytes:
        """The bytes; FileNotFoundError where the file went away."""
        try:
            with open(self.path, "rb") as stream:
                stream.seek(self.offset)
                return stream.read(self.num_bytes)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.path} does not exist any more; bring it back, or {COMMAND} --force for an index"
                " without it"
            ) from None


#: Number of an image -> its files by kind, `jpg` or `json`.
Files = dict[int, dict[str, Place]]


def find_parts(root: Path, names: Sequence[str] | None = None) -> list[Path]:
    """The folders and tar files of SA-1B below `root`: `names`, or all `sa_*` and `sa_*.tar` in order.

    Raises:
        FileNotFoundError: `root` or a named part is missing.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} does not exist; see data/README.md for the expected tree, or {COMMAND}, which says"
            " where it is from (the embedded benchmark: run `python tools/prepare_data.py shapes`)"
        )
    if names is None:
        return sorted(p for p in root.glob("sa_*") if p.is_dir() or p.suffix == ".tar")
    for name in names:
        if not (root / name).exists():
            raise FileNotFoundError(f"{root / name} is neither a folder nor a tar file of SA-1B")
    return [root / name for name in names]


def scan_parts(parts: Iterable[Path]) -> Files:
    """The files of some parts.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: a tar file is broken, or a file occurs twice.
    """
    found: Files = {}
    for part in parts:
        for number, kind, place in _list_part(part):
            if kind in found.setdefault(number, {}):
                raise ValueError(
                    f"sa_{number}.{kind} occurs twice: {found[number][kind].path} and {part};"
                    " remove one, or name the parts to use"
                )
            found[number][kind] = place
    return found


def describe_parts(parts: Sequence[Path]) -> dict[str, Any]:
    """The content of an index of all images of `parts`, see `scan_parts`, that have a JPEG."""
    found = scan_parts(parts)
    of_part: dict[str, list[list[int | None]]] = {part.name: [] for part in parts}
    for number, files in sorted(found.items()):
        if "jpg" not in files:
            continue
        part = files["jpg"].part
        row: list[int | None] = [number]
        for kind in ("jpg", "json"):
            place = files.get(kind)
            # A row is of one part: masks in another part than their image count as missing.
            row += [place.offset, place.num_bytes] if place and place.part == part else [None, None]
        of_part[part].append(row)
    size_of = {part.name: None if part.is_dir() else part.stat().st_size for part in parts}
    rows = [{"name": n, "bytes": size_of[n], "files": files} for n, files in of_part.items()]
    num_images = sum(len(files) for files in of_part.values())
    return {"format": FORMAT, "digest": _digest(rows), "num_images": num_images, "parts": rows}


def read_index(path: Path) -> Files:
    """The files that an index lists, found beside it.

    Raises:
        FileNotFoundError: the index or one of its parts is missing.
        ValueError: it is broken, of another format, or a tar file is not the one it was made of.
    """
    content = read_json(path, missing=f"{COMMAND}, which makes it", damaged=f"{COMMAND} --force")
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is no index of format {FORMAT}; {COMMAND} --force")
    if content.get("digest") != _digest(content.get("parts")):
        raise ValueError(f"{path} was changed after it was made; {COMMAND} --force")
    parts = content.get("parts")
    if not isinstance(parts, list) or not all(map(_is_part, parts)):
        raise ValueError(f"{path} does not list files of parts beside it; {COMMAND} --force")
    for part in content["parts"]:
        place, size = path.parent / part["name"], part["bytes"]
        if not (place.is_dir() if size is None else place.is_file()):
            raise FileNotFoundError(
                f"{path} needs {place}, which does not exist; bring it back, or {COMMAND} --force"
            )
        if size is not None and place.stat().st_size != size:
            raise ValueError(
                f"{place} has {place.stat().st_size:,} bytes, {path.name} was made of one of {size:,}:"
                f" bring that back, or {COMMAND} --force"
            )
    return files_of_index(content, path.parent)


def files_of_index(content: Mapping[str, Any], root: Path) -> Files:
    """The files that the content of an index lists, below `root`."""
    found: Files = {}
    for part in content["parts"]:
        place, size = root / part["name"], part["bytes"]
        for number, *numbers in part["files"]:
            files = found.setdefault(number, {})
            for kind, offset, num_bytes in (("jpg", *numbers[:2]), ("json", *numbers[2:])):
                if offset is not None:
                    file = place / f"sa_{number}.{kind}" if size is None else place
                    files[kind] = Place(str(file), offset, num_bytes)
    return found


def _is_part(part: Any) -> bool:
    """Whether an entry of an index is whole, and of a part beside the index."""
    if not isinstance(part, Mapping) or not isinstance(part.get("files"), list):
        return False
    name, size, row_of = part.get("name"), part.get("bytes"), part["files"]
    is_name = isinstance(name, str) and re.fullmatch(r"[\w.-]{1,200}", name) and name.strip(".")
    is_size = size is None or (type(size) is int and size >= 0)
    return bool(is_name and is_size and "bytes" in part) and all(_is_row(row, size) for row in row_of)


def _is_row(row: Any, size: int | None) -> bool:
    """Whether a row names stretches within a tar file of `size` bytes, or files of a folder (None)."""
    if not isinstance(row, list) or len(row) != 5 or type(row[0]) is not int or row[0] < 0:
        return False
    pairs = (row[1:3], row[3:5])
    if any(type(value) not in (int, type(None)) for pair in pairs for value in pair):
        return False
    if size is None:
        return pairs[0] == [0, -1] and pairs[1] in ([0, -1], [None, None])
    return all(
        (place is None and length is None and kind)
        or (
            place is not None
            and length is not None
            and 0 <= place <= place + length <= size
            and length >= 0
        )
        for kind, (place, length) in enumerate(pairs)
    )


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _list_part(part: Path) -> list[tuple[int, str, Place]]:
    """(number, `jpg` or `json`, place) of every file of a part."""
    if part.is_dir():
        places = [(p.name, Place(str(p))) for p in part.iterdir()]
    elif part.is_file():
        members = list_tar(part, FILE_NAME)
        places = [(member.name, Place(str(part), *member[1:])) for member in members]
    else:
        raise FileNotFoundError(f"{part} is neither a folder nor a tar file of SA-1B")
    matches = [(FILE_NAME.fullmatch(name), place) for name, place in places]
    return [(int(match[1]), match[2], place) for match, place in matches if match]
