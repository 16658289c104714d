"""Which pictures a tree of classes holds, and where: some arrays, small enough for 14 million pictures.

A tree has one folder or one tar file per class; tar files are read in place. Its index is kept in the
cache (`OVSAM_CACHE`), in a file that is whole or not there. It counts as long as names, sizes and times
of all folders and tar files are the same; else the tree is listed again.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.tar_files import list_tar
from ovsam.files import cache_folder, locked, written_whole

PICTURE_ENDINGS = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
FORMAT = 1


class Stretch(NamedTuple):
    """A picture: a file, or a stretch of a tar file."""

    path: str  # of the file or the tar file
    identity: str  # what samples call it: its folder or tar file and its name, below the data set's root
    offset: int = 0
    num_bytes: int = -1  # -1 for a file of its own

    @property
    def shown(self) -> str:
        """What errors call it: the file, or `file.tar/name`."""
        return self.path if self.num_bytes < 0 else f"{self.path}/{self.identity.rpartition('/')[2]}"

    def read(self) -> bytes:
        """The encoded picture.

        Raises:
            FileNotFoundError: the file went away.
            ValueError: the tar file became shorter.
        """
        try:
            with open(self.path, "rb") as stream:
                stream.seek(self.offset)
                content = stream.read(self.num_bytes)
        except FileNotFoundError:
            raise FileNotFoundError(f"image {self.shown} does not exist") from None
        if len(content) < self.num_bytes:
            raise ValueError(f"image {self.shown} is cut short: its tar file changed")
        return content


@dataclass(frozen=True)
class ImageIndex:
    """The pictures of a tree, ordered by part and name."""

    root: str
    parts: tuple[str, ...]  # folders and tar files below the root
    part_of: NDArray[np.int32]  # (N,) place in `parts`
    names: NDArray[np.uint8]  # all names of pictures as UTF-8, one after the other
    name_ends: NDArray[np.int64]  # (N,)
    offsets: NDArray[np.int64]  # (N,)
    num_bytes: NDArray[np.int64]  # (N,) -1 for files of their own
    num_empty: int = 0  # files without content, left out

    def __len__(self) -> int:
        return len(self.part_of)

    def __getitem__(self, index: int) -> Stretch:
        """The picture at `index`."""
        start = int(self.name_ends[index - 1]) if index else 0
        name = self.names[start : int(self.name_ends[index])].tobytes().decode()
        part = os.path.join(self.root, self.parts[self.part_of[index]])
        num_bytes = int(self.num_bytes[index])
        path = part if num_bytes >= 0 else os.path.join(part, name)
        identity = f"{self.parts[self.part_of[index]]}/{name}"
        return Stretch(path, identity, int(self.offsets[index]), num_bytes)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(parts,) pictures of each part."""
        return np.bincount(self.part_of, minlength=len(self.parts))


def find_parts(root: Path) -> list[str]:
    """The folders and tar files of a tree, by name.

    Raises:
        FileNotFoundError: no such folder, or none in it.
        ValueError: a class has a folder and a tar file.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} does not exist; data/README.md has the expected tree")
    with os.scandir(root) as entries:
        parts = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and (entry.is_dir() or entry.name.endswith(".tar"))
        )
    if not parts:
        raise FileNotFoundError(
            f"{root} has neither folders nor .tar files; expected one of them per class"
        )
    both = sorted(set(map(class_of, (p for p in parts if p.endswith(".tar")))) & set(parts))
    if both:
        raise ValueError(
            f"{root}: a folder and a tar file of one class, such as {both[0]}; remove one of them"
        )
    return parts


def class_of(part: str) -> str:
    """The name of a part's class: that of the folder, or of the tar file without its ending."""
    return part.removesuffix(".tar")


def read_index(root: Path, parts: Sequence[str] | None = None) -> ImageIndex:
    """The index of a tree, from the cache if nothing changed, else new; see the module's text.

    Args:
        root: folder of the tree.
        parts: those of `find_parts` to list; all if left out.

    Raises:
        FileNotFoundError, ValueError: see `find_parts` and `list_tar`.
    """
    root = root.absolute()
    parts = find_parts(root) if parts is None else list(parts)
    state = _state(root, parts)
    name = hashlib.sha256(json.dumps([str(root), parts]).encode()).hexdigest()[:24]
    path = cache_folder() / "image_indexes" / f"{name}.npz"
    with locked(path):
        found = _load(path, state)
        if found is None:
            found = list_images(root, parts)
            _save(path, found, state)
    return found


def list_images(root: Path, parts: Sequence[str]) -> ImageIndex:
    """The index of some folders and tar files, read from the disk.

    Raises:
        ValueError: a tar file is broken, see `list_tar`, or a picture occurs twice in one.
    """
    parts = tuple(parts)
    texts, lengths, offsets, sizes, counts = [], [], [], [], []
    num_empty = 0
    for part in parts:  # arrays at once: 14 million Python numbers would take gigabytes
        found = _list_part(root / part)
        kept = [row for row in found if row[2]]
        encoded = [name.encode() for name, _, _ in kept]
        num_empty += len(found) - len(kept)
        counts.append(len(kept))
        texts.append(b"".join(encoded))
        lengths.append(np.array([len(name) for name in encoded], np.int64))
        offsets.append(np.array([offset for _, offset, _ in kept], np.int64))
        sizes.append(np.array([size for _, _, size in kept], np.int64))
    return ImageIndex(
        root=str(root),
        parts=parts,
        part_of=np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        names=np.frombuffer(b"".join(texts), np.uint8),
        name_ends=np.concatenate(lengths).cumsum(),
        offsets=np.concatenate(offsets),
        num_bytes=np.concatenate(sizes),
        num_empty=num_empty,
    )


def _list_part(part: Path) -> list[tuple[str, int, int]]:
    """(name, offset, bytes) of the pictures of a folder or tar file, by name; 0 bytes: empty."""
    if part.suffix == ".tar" and part.is_file():
        found = [tuple(member) for member in list_tar(part)]
    else:
        with os.scandir(part) as entries:
            found = [(entry.name, 0, -1) for entry in entries if entry.is_file()]
    pictures = sorted(row for row in found if row[0].lower().endswith(PICTURE_ENDINGS))
    names = [row[0] for row in pictures]
    if len(set(names)) < len(names):
        twice = next(one for one, other in pairwise(names) if one == other)
        raise ValueError(f"{part} has two pictures called {twice}; make a new tar file")
    return pictures  # type: ignore[return-value]


def _state(root: Path, parts: Sequence[str]) -> str:
    """A digest of what changes when pictures come or go."""
    digest = hashlib.sha256(str(FORMAT).encode())
    for part in parts:
        status = os.stat(root / part)
        digest.update(f"{part}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


ARRAYS = ("part_of", "names", "name_ends", "offsets", "num_bytes")


def _save(path: Path, index: ImageIndex, state: str) -> None:
    facts = json.dumps(dict(state=state, root=index.root, parts=index.parts, num_empty=index.num_empty))
    with written_whole(path) as partial, partial.open("wb") as stream:
        arrays = {name: getattr(index, name) for name in ARRAYS}
        np.savez(stream, facts=np.frombuffer(facts.encode(), np.uint8), **arrays)


def _load(path: Path, state: str) -> ImageIndex | None:
    """The kept index; None if there is none, or it is broken or of another state."""
    try:
        with np.load(path, allow_pickle=False) as content:
            facts = json.loads(content["facts"].tobytes())
            if facts.pop("state") != state:
                return None
            arrays = {name: content[name] for name in ARRAYS}
            return ImageIndex(**{**facts, "parts": tuple(facts["parts"])}, **arrays)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
