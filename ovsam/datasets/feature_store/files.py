"""A feature store's folder: its files, their checks, its lock.

A store is a folder:
    store.json           format, shape of an embedding and fingerprint of what made it; written first.
    shard-<digest>.f16   embeddings of some images, one after the other: little-endian float16 without
                         header, named by the first 16 digits of its sha256.
    shard-<digest>.json  what the shard holds; written right after it.
    index.json           all of these in one, written when no image is missing; a reader needs it.

Each process writes shards of its own, so any number may work on a store, together or one after the
other. A killed process leaves only its unfinished shard, under a temporary name: the next one removes it
and goes on with the images that no finished shard holds.

A row of a shard is [image id, crc32 of the pixels that the teacher saw, crc32 of the embedding's bytes].
"""

import fcntl
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ovsam.files import written_whole

FORMAT = 1
MANIFEST, INDEX = "store.json", "index.json"
PARTIAL = ".partial-"
DTYPE = np.dtype("<f2")
MEND = "run tools/cache_teacher.py with this config"
SHOWN = 5  # images or shards named in a message

ImageId = int | str


class FeatureStoreError(ValueError):
    """A store that is missing, unfinished, stale or damaged, or features that it cannot hold."""


def finished_shards(root: Path, shape: Sequence[int]) -> list[dict[str, Any]]:
    """What the finished shards hold, in the order of their names; damaged ones are left out."""
    return [shard for shard in entries(root) if is_whole(root, shard, shape)]


def entries(root: Path) -> list[dict[str, Any]]:
    """What the index and later shards say they hold, in the order of the shards' names."""
    indexed = read_json(root / INDEX)["shards"] if (root / INDEX).is_file() else []
    later = map(read_json, root.glob("shard-*.json"))
    found = {shard["file"]: shard for shard in (*indexed, *later)}
    return [found[name] for name in sorted(found)]


def is_whole(root: Path, shard: Mapping[str, Any], shape: Sequence[int]) -> bool:
    """Whether a shard has as many bytes as its images need."""
    path = root / shard["file"]
    return path.is_file() and path.stat().st_size == len(shard["images"]) * row_bytes(shape)


def row_bytes(shape: Sequence[int]) -> int:
    """Size of an embedding (C, h, w) on disk."""
    return int(np.prod(shape)) * DTYPE.itemsize


def check_fingerprint(root: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise FeatureStoreError where a store was made by something else; names what differs."""
    different = [
        f"{name} ({found.get(name, 'none')[:16]} there, {expected.get(name, 'none')[:16]} now)"
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name)
    ]
    if different:
        raise FeatureStoreError(
            f"the feature store {root} is stale, made with another {', another '.join(different)};"
            " use the config and weights it was made with, remove the folder, or name another store"
        )


def check_shape(root: Path, expected: Sequence[int], found: Sequence[int]) -> None:
    """Raise FeatureStoreError where (C, h, w) differ."""
    if tuple(expected) != tuple(found):
        raise FeatureStoreError(
            f"the feature store {root} holds features of {tuple(expected)}, got {tuple(found)}"
        )


def refuse_other_files(root: Path) -> None:
    """Raise FeatureStoreError where a folder holds something, but no store."""
    if root.is_dir() and not (root / MANIFEST).is_file():
        others = [path.name for path in root.iterdir() if not path.name.startswith(".")]
        if others and not (root / MANIFEST).is_file():  # another process may just have begun
            raise FeatureStoreError(
                f"{root} holds files ({', '.join(sorted(others)[:SHOWN])}) but no {MANIFEST}:"
                " it is no feature store; name another folder"
            )


def read_manifest(root: Path) -> dict[str, Any]:
    """Content of `store.json`; FeatureStoreError where it is not there or of another format."""
    if not (root / MANIFEST).is_file():
        raise FeatureStoreError(f"no feature store at {root}; {MEND}")
    manifest = read_json(root / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise FeatureStoreError(
            f"the feature store {root} has format {manifest.get('format')}, expected {FORMAT};"
            " make it again"
        )
    return manifest


def read_json(path: Path) -> dict[str, Any]:
    """Content of a file of the store; FeatureStoreError where it is broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FeatureStoreError(f"{path} is broken: {error}; remove it and {MEND}") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON on one line, the whole file or nothing."""
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content), encoding="utf-8")


def remove_abandoned(root: Path) -> None:
    """Delete what killed processes left; call it with the store locked."""
    for path in root.glob(f"{PARTIAL}*"):
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its writer lives
            path.unlink()
    known = {shard["file"] for shard in entries(root)}
    for path in root.glob("shard-*.f16"):
        if path.name not in known:
            path.unlink()
