"""A teacher's image embeddings on disk: float16 shards that are whole or not there, and their index.

A store is a folder:
    store.json           format, shape of an embedding and fingerprint of what made it; written first.
    shard-<digest>.f16   embeddings of some images, one after the other: little-endian float16 without
                         header, named by the first 16 digits of its sha256.
    shard-<digest>.json  what the shard holds; written right after it.
    index.json           all of these in one, written when no image is missing; a reader needs it.

Each process writes shards of its own, so any number may work on a store, at the same time or one after
the other. A killed process leaves its unfinished shard under a temporary name and nothing else: the next
one removes that and goes on with the images that no finished shard holds.

A row of a shard is [image id, crc32 of the pixels that the teacher saw, crc32 of the embedding's bytes].
"""

import fcntl
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

FORMAT = 1
MANIFEST, INDEX, LOCK = "store.json", "index.json", ".lock"
PARTIAL = ".partial-"
DTYPE = np.dtype("<f2")
IMAGES_PER_SHARD = 64  # 128 MiB of SAM's 256 x 64 x 64: what a killed process loses at most
MEND = "run tools/cache_teacher.py with this config"
SHOWN = 5  # images or shards named in a message

ImageId = int | str


class FeatureStoreError(ValueError):
    """A store that is missing, unfinished, stale or damaged, or features that it cannot hold."""


def pixels_checksum(image: Tensor) -> int:
    """crc32 of an image's shape and pixels.

    Args:
        image: uint8 (3, h, w), as it goes to the preprocessor.
    """
    shape = zlib.crc32(repr(tuple(image.shape)).encode())
    return zlib.crc32(np.ascontiguousarray(image.numpy()), shape)


def to_half(features: Tensor, image_id: ImageId) -> Tensor:
    """Round to float16: relative error at most 2^-11, absolute 2^-25 below 2^-14.

    Args:
        features: any shape, any float type.
        image_id: named in the error.

    Raises:
        FeatureStoreError: a value is not finite, in itself or as float16 (magnitude 65,520 or more).
    """
    half = features.to(torch.float16)
    if not torch.isfinite(half).all():
        raise FeatureStoreError(
            f"features of image {image_id} do not fit float16: largest magnitude"
            f" {features.abs().max().item():g}, float16 ends at 65504; the teacher's weights or the"
            " preprocessing are wrong, or this teacher cannot be cached: train with it live"
        )
    return half


class FeatureWriter:
    """One process's access to a store that is being filled; use as a context manager.

    After an error the unfinished shard is discarded.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        shape: Sequence[int],
        fingerprint: Mapping[str, str],
        images_per_shard: int = IMAGES_PER_SHARD,
    ) -> None:
        """Open a store, or begin one.

        Args:
            root: its folder; made if need be.
            shape: (C, h, w) of an embedding.
            fingerprint: what the embeddings depend on beside the image: name -> digest.
            images_per_shard: 1 or more.

        Raises:
            FeatureStoreError: the folder holds a store of another fingerprint, shape or format, or
                files of something else.
        """
        if images_per_shard < 1:
            raise ValueError(f"images_per_shard must be 1 or more, got {images_per_shard}")
        self.root = Path(root)
        self.shape = tuple(int(size) for size in shape)
        self.images_per_shard = images_per_shard
        self._file: BinaryIO | None = None
        self._partial = Path()
        self._rows: list[list[Any]] = []
        self._digest = hashlib.sha256()
        _refuse_other_files(self.root)
        self.root.mkdir(parents=True, exist_ok=True)
        with _locked(self.root):
            if (self.root / MANIFEST).is_file():
                manifest = _read_manifest(self.root)
                _check_fingerprint(self.root, manifest["fingerprint"], fingerprint)
                _check_shape(self.root, manifest["shape"], self.shape)
            else:
                manifest = dict(
                    format=FORMAT,
                    dtype=DTYPE.str,
                    shape=list(self.shape),
                    fingerprint=dict(fingerprint),
                )
                _write_json(self.root / MANIFEST, manifest)
            _remove_abandoned(self.root)

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        if error_type is None:
            self.commit()
        elif self._file is not None:
            self._partial.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    @property
    def bytes_per_image(self) -> int:
        """Size of an embedding on disk."""
        return _row_bytes(self.shape)

    def done(self) -> set[ImageId]:
        """Ids of the images that finished shards hold; shards that lack bytes do not count."""
        return {row[0] for shard in _shards(self.root, self.shape) for row in shard["images"]}

    def add(self, image_id: ImageId, features: Tensor, pixels: int) -> None:
        """Append one image; every `images_per_shard` images a shard is finished.

        Args:
            image_id: unique in the data set.
            features: (C, h, w), any float type, any device.
            pixels: `pixels_checksum` of the image.

        Raises:
            FeatureStoreError: another shape, or values that float16 does not hold.
        """
        _check_shape(self.root, self.shape, tuple(features.shape))
        data = to_half(features.detach(), image_id).cpu().numpy().astype(DTYPE).tobytes()
        if self._file is None:
            self._begin()
        assert self._file is not None
        self._file.write(data)
        self._digest.update(data)
        self._rows.append([image_id, pixels, zlib.crc32(data)])
        if len(self._rows) >= self.images_per_shard:
            self.commit()

    def commit(self) -> None:
        """Finish the shard that is being written, if there is one."""
        if self._file is None:
            return
        digest = self._digest.hexdigest()
        name = f"shard-{digest[:16]}.f16"
        self._file.flush()
        os.fsync(self._file.fileno())
        with _locked(self.root):
            os.replace(self._partial, self.root / name)
            shard = dict(file=name, sha256=digest, images=self._rows)
            _write_json((self.root / name).with_suffix(".json"), shard)
        self._file.close()
        self._file = None

    def finish(self, image_ids: Iterable[ImageId]) -> int:
        """Write the index if the store holds all of `image_ids`.

        Every process calls it when its own images are done; the last one finds all.

        Returns:
            How many images are missing; 0 if the index is written.
        """
        self.commit()
        with _locked(self.root):
            shards = _shards(self.root, self.shape)
            missing = set(image_ids) - {row[0] for shard in shards for row in shard["images"]}
            if not missing:
                _write_json(self.root / INDEX, dict(shards=shards))
                for path in self.root.glob("shard-*.json"):
                    path.unlink()
        return len(missing)

    def _begin(self) -> None:
        self._rows = []
        self._digest = hashlib.sha256()
        with _locked(self.root):
            handle, path = tempfile.mkstemp(prefix=PARTIAL, dir=self.root)
            self._file, self._partial = os.fdopen(handle, "wb"), Path(path)
            fcntl.flock(self._file, fcntl.LOCK_EX)  # as long as this process lives
        self._partial.chmod(0o644)


class FeatureStore:
    """A finished store, read image by image; safe in forked worker processes."""

    def __init__(self, *, root: str | Path) -> None:
        """Args:
        root: its folder.

        Raises:
            FeatureStoreError: it is not there, not finished, or a shard is missing or cut short.
        """
        self.root = Path(root)
        manifest = _read_manifest(self.root)
        if not (self.root / INDEX).is_file():
            raise FeatureStoreError(f"the feature store {self.root} is not finished; {MEND}")
        self.shape: tuple[int, ...] = tuple(manifest["shape"])
        self.fingerprint: dict[str, str] = manifest["fingerprint"]
        self.shards = _read_json(self.root / INDEX)["shards"]
        damaged = [shard["file"] for shard in self.shards if not _is_whole(self.root, shard, self.shape)]
        if damaged:
            raise FeatureStoreError(
                f"{len(damaged)} shards of {self.root} are missing or cut short"
                f" ({', '.join(damaged[:SHOWN])}); {MEND} to make them again"
            )
        self._places = {
            row[0]: (number, place)
            for number, shard in enumerate(self.shards)
            for place, row in enumerate(shard["images"])
        }

    def __len__(self) -> int:
        """Number of images."""
        return len(self._places)

    def __contains__(self, image_id: ImageId) -> bool:
        """Whether an image is in the store."""
        return image_id in self._places

    def read(self, image_id: ImageId, pixels: int | None = None) -> Tensor:
        """The embedding of one image.

        Args:
            image_id: as it was added.
            pixels: `pixels_checksum` of the image at hand; None compares nothing.

        Returns:
            (C, h, w) float16.

        Raises:
            FeatureStoreError: no such image, the teacher saw other pixels, or the bytes are damaged.
        """
        if image_id not in self._places:
            raise FeatureStoreError(f"the feature store {self.root} lacks image {image_id}; {MEND}")
        number, place = self._places[image_id]
        shard = self.shards[number]
        _, pixels_there, checksum = shard["images"][place]
        if pixels is not None and pixels != pixels_there:
            raise FeatureStoreError(
                f"the teacher saw other pixels of image {image_id} than those at hand: the file has"
                " changed, it is decoded or resized by another version of OpenCV, or the pipeline is"
                f" random; make a new store with tools/cache_teacher.py, or, if the difference does not"
                " matter, set check_pixels=False in AddTeacherFeatures"
            )
        num_bytes = _row_bytes(self.shape)
        with open(self.root / shard["file"], "rb") as file:
            file.seek(place * num_bytes)
            data = file.read(num_bytes)
        if zlib.crc32(data) != checksum:
            raise FeatureStoreError(
                f"features of image {image_id} in {self.root / shard['file']} are damaged;"
                " run tools/cache_teacher.py --verify, then without it"
            )
        features = np.frombuffer(data, DTYPE).astype(np.float16).reshape(self.shape)
        return torch.from_numpy(features)

    def check_fingerprint(self, expected: Mapping[str, str]) -> None:
        """Raise FeatureStoreError where the store was made by something else than `expected`."""
        _check_fingerprint(self.root, self.fingerprint, expected)

    def check_covers(self, image_ids: Iterable[ImageId]) -> None:
        """Raise FeatureStoreError where an image is missing."""
        missing = [image_id for image_id in image_ids if image_id not in self._places]
        if missing:
            shown = ", ".join(map(str, missing[:SHOWN]))
            raise FeatureStoreError(
                f"the feature store {self.root} lacks {len(missing)} images ({shown},"
                f" ...); {MEND} to add them"
            )


def remove_damaged(root: str | Path, report: Callable[[int, int], None] | None = None) -> list[str]:
    """Compare every finished shard with its sha256 and delete those that differ.

    Args:
        root: folder of a store, finished or not.
        report: called with (shards read, of so many).

    Returns:
        Names of the shards that were damaged or missing; their images count as not done.

    Raises:
        FeatureStoreError: no store there.
    """
    root = Path(root)
    _read_manifest(root)
    entries = _entries(root)
    damaged = []
    for number, shard in enumerate(entries):
        path = root / shard["file"]
        if not path.is_file() or _sha256_of(path) != shard["sha256"]:
            path.unlink(missing_ok=True)
            damaged.append(shard["file"])
        if report is not None:
            report(number + 1, len(entries))
    return damaged


def _shards(root: Path, shape: Sequence[int]) -> list[dict[str, Any]]:
    """What the finished shards hold, in the order of their names; damaged ones are left out."""
    return [shard for shard in _entries(root) if _is_whole(root, shard, shape)]


def _entries(root: Path) -> list[dict[str, Any]]:
    entries = _read_json(root / INDEX)["shards"] if (root / INDEX).is_file() else []
    found = {shard["file"]: shard for shard in entries}
    for path in root.glob("shard-*.json"):
        shard = _read_json(path)
        found[shard["file"]] = shard
    return [found[name] for name in sorted(found)]


def _is_whole(root: Path, shard: Mapping[str, Any], shape: Sequence[int]) -> bool:
    path = root / shard["file"]
    return path.is_file() and path.stat().st_size == len(shard["images"]) * _row_bytes(shape)


def _row_bytes(shape: Sequence[int]) -> int:
    return int(np.prod(shape)) * DTYPE.itemsize


def _check_fingerprint(root: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
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


def _check_shape(root: Path, expected: Sequence[int], found: Sequence[int]) -> None:
    if tuple(expected) != tuple(found):
        raise FeatureStoreError(
            f"the feature store {root} holds features of {tuple(expected)}, got {tuple(found)}"
        )


def _refuse_other_files(root: Path) -> None:
    if root.is_dir() and not (root / MANIFEST).is_file():
        others = [path.name for path in root.iterdir() if not path.name.startswith(".")]
        if others and not (root / MANIFEST).is_file():  # another process may just have begun
            raise FeatureStoreError(
                f"{root} holds files ({', '.join(sorted(others)[:SHOWN])}) but no {MANIFEST}:"
                " it is no feature store; name another folder"
            )


def _read_manifest(root: Path) -> dict[str, Any]:
    if not (root / MANIFEST).is_file():
        raise FeatureStoreError(f"no feature store at {root}; {MEND}")
    manifest = _read_json(root / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise FeatureStoreError(
            f"the feature store {root} has format {manifest.get('format')}, expected {FORMAT};"
            " make it again"
        )
    return manifest


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FeatureStoreError(f"{path} is broken: {error}; remove it and {MEND}") from None


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write beside the final name, flush to disk, rename."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Only one process at a time; a killed one leaves no lock."""
    with open(root / LOCK, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_abandoned(root: Path) -> None:
    """Delete what killed processes left; call it with the store locked."""
    for path in root.glob(f"{PARTIAL}*"):
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its writer lives
            path.unlink()
    known = {shard["file"] for shard in _entries(root)}
    for path in root.glob("shard-*.f16"):
        if path.name not in known:
            path.unlink()


def _sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
