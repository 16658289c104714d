"""Reads a finished feature store, and checks what is in it."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ovsam.datasets.feature_store import files
from ovsam.datasets.feature_store.files import FeatureStoreError, ImageId
from ovsam.files import sha256_of


def pixels_checksum(image: Tensor) -> int:
    """crc32 of the shape and pixels of an image (3, h, w) uint8, as it goes to the preprocessor."""
    shape = zlib.crc32(repr(tuple(image.shape)).encode())
    return zlib.crc32(np.ascontiguousarray(image.numpy()), shape)


class FeatureStore:
    """A finished store, read image by image; safe in forked worker processes."""

    def __init__(self, *, root: str | Path) -> None:
        """Open a store; FeatureStoreError if it is not finished or a shard is missing or cut short."""
        self.root = Path(root)
        manifest = files.read_manifest(self.root)
        if not (self.root / files.INDEX).is_file():
            raise FeatureStoreError(f"the feature store {self.root} is not finished; {files.MEND}")
        self.shape: tuple[int, ...] = tuple(manifest["shape"])
        self.fingerprint: dict[str, str] = manifest["fingerprint"]
        self.shards = files.read_json(self.root / files.INDEX)["shards"]
        damaged = [s["file"] for s in self.shards if not files.is_whole(self.root, s, self.shape)]
        if damaged:
            raise FeatureStoreError(
                f"{len(damaged)} shards of {self.root} are missing or cut short"
                f" ({', '.join(damaged[: files.SHOWN])}); {files.MEND} to make them again"
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
        """The embedding (C, h, w) float16 of one image.

        `pixels`, the `pixels_checksum` of the image at hand, is compared with what the teacher saw.

        Raises:
            FeatureStoreError: no such image, the teacher saw other pixels, or the bytes are damaged.
        """
        if image_id not in self._places:
            raise FeatureStoreError(
                f"the feature store {self.root} lacks image {image_id}; {files.MEND}"
            )
        number, place = self._places[image_id]
        shard = self.shards[number]
        _, pixels_there, checksum = shard["images"][place]
        if pixels is not None and pixels != pixels_there:
            raise FeatureStoreError(
                f"the teacher saw other pixels of image {image_id}: the file has changed, another"
                " version of OpenCV decodes or resizes it, or the pipeline is random; make a new store"
                " with tools/cache_teacher.py, or, if the difference does not matter, set"
                " check_pixels=False in AddTeacherFeatures"
            )
        num_bytes = files.row_bytes(self.shape)
        with open(self.root / shard["file"], "rb") as file:
            file.seek(place * num_bytes)
            data = file.read(num_bytes)
        if zlib.crc32(data) != checksum:
            raise FeatureStoreError(
                f"features of image {image_id} in {self.root / shard['file']} are damaged;"
                " run tools/cache_teacher.py --verify, then without it"
            )
        features = np.frombuffer(data, files.DTYPE).astype(np.float16).reshape(self.shape)
        return torch.from_numpy(features)

    def check_fingerprint(self, expected: Mapping[str, str]) -> None:
        """Raise FeatureStoreError where the store was made with something else than `expected`."""
        files.check_fingerprint(self.root, self.fingerprint, expected)

    def check_covers(self, image_ids: Iterable[ImageId]) -> None:
        """Raise FeatureStoreError where an image is missing."""
        missing = [image_id for image_id in image_ids if image_id not in self._places]
        if missing:
            shown = ", ".join(map(str, missing[: files.SHOWN]))
            raise FeatureStoreError(
                f"the feature store {self.root} lacks {len(missing)} images ({shown}, ...);"
                f" {files.MEND} to add them"
            )


def remove_damaged(root: str | Path, report: Callable[[int, int], None] | None = None) -> list[str]:
    """Compare every shard of a store, finished or not, with its sha256 and delete those that differ.

    Args:
        report: called with (shards read, of so many).

    Returns:
        Names of the shards that were damaged or missing; their images count as not done.
    """
    root = Path(root)
    files.read_manifest(root)
    shards = files.entries(root)
    damaged = []
    for number, shard in enumerate(shards, start=1):
        path = root / shard["file"]
        if not path.is_file() or sha256_of(path) != shard["sha256"]:
            path.unlink(missing_ok=True)
            damaged.append(shard["file"])
        if report is not None:
            report(number, len(shards))
    return damaged
