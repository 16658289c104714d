"""Fills a feature store. Processes that are killed leave whole shards or nothing."""

import fcntl
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ovsam.datasets.feature_store import files
from ovsam.datasets.feature_store.files import FeatureStoreError, ImageId
from ovsam.files import locked

IMAGES_PER_SHARD = 64  # 128 MiB of SAM's 256 x 64 x 64: what a killed process loses at most


def to_half(features: Tensor, image_id: ImageId) -> Tensor:
    """Round floats of any shape to float16: relative error at most 2^-11, absolute 2^-25 below 2^-14.

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
            fingerprint: what the embeddings depend on apart from the image: name -> digest.
            images_per_shard: 1 or more.

        Raises:
            FeatureStoreError: the folder holds a store of another fingerprint, shape or format, or
                files of something else.
        """
        if images_per_shard < 1:
            raise ValueError(f"images_per_shard must be 1 or more, got {images_per_shard}")
        self.root = Path(root)
        self._manifest = self.root / files.MANIFEST
        self.shape = tuple(int(size) for size in shape)
        self.images_per_shard = images_per_shard
        self._file: BinaryIO | None = None
        self._partial = Path()
        self._rows: list[list[Any]] = []
        self._digest = hashlib.sha256()
        files.refuse_other_files(self.root)
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self._manifest):
            if self._manifest.is_file():
                manifest = files.read_manifest(self.root)
                files.check_fingerprint(self.root, manifest["fingerprint"], fingerprint)
                files.check_shape(self.root, manifest["shape"], self.shape)
            else:
                manifest = dict(format=files.FORMAT, dtype=files.DTYPE.str, shape=list(self.shape))
                files.write_json(self._manifest, {**manifest, "fingerprint": dict(fingerprint)})
            files.remove_abandoned(self.root)

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
        return files.row_bytes(self.shape)

    def done(self) -> set[ImageId]:
        """Ids of the images that finished shards hold; shards that lack bytes do not count."""
        return {
            row[0] for shard in files.finished_shards(self.root, self.shape) for row in shard["images"]
        }

    def add(self, image_id: ImageId, features: Tensor, pixels: int) -> None:
        """Append the features (C, h, w) of one image, any float type, any device.

        `pixels` is its `pixels_checksum`. Every `images_per_shard` images a shard is finished.

        Raises:
            FeatureStoreError: another shape, or values that float16 does not hold.
        """
        files.check_shape(self.root, self.shape, tuple(features.shape))
        data = to_half(features.detach(), image_id).cpu().numpy().astype(files.DTYPE).tobytes()
        if self._file is None:
            self._rows, self._digest = [], hashlib.sha256()
            with locked(self._manifest):
                handle, path = tempfile.mkstemp(prefix=files.PARTIAL, dir=self.root)
                self._file, self._partial = os.fdopen(handle, "wb"), Path(path)
                fcntl.flock(self._file, fcntl.LOCK_EX)  # as long as this process lives
            self._partial.chmod(0o644)
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
        with locked(self._manifest):
            os.replace(self._partial, self.root / name)
            shard = dict(file=name, sha256=digest, images=self._rows)
            files.write_json((self.root / name).with_suffix(".json"), shard)
        self._file.close()
        self._file = None

    def finish(self, image_ids: Iterable[ImageId]) -> int:
        """Write the index if the store holds all of `image_ids`; return how many are missing.

        Every process calls this when its own images are done; the last one finds them all.
        """
        self.commit()
        with locked(self._manifest):
            shards = files.finished_shards(self.root, self.shape)
            missing = set(image_ids) - {row[0] for shard in shards for row in shard["images"]}
            if not missing:
                files.write_json(self.root / files.INDEX, dict(shards=shards))
                for path in self.root.glob("shard-*.json"):
                    path.unlink()
        return len(missing)
