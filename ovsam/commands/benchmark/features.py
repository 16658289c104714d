"""Stage `cache_teacher`: a teacher's features to disk and back, beside a file of float32 an image."""

import argparse
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.results import report
from ovsam.commands.benchmark.turns import in_turn, relative_error
from ovsam.datasets.feature_store import FeatureStore, FeatureWriter


def run(args: argparse.Namespace) -> None:
    """Measure and report; the numbers beside `write` and `read` are those of both together."""
    measurement = Measurement()
    torch.manual_seed(0)
    features = torch.randn(args.images, *args.shape)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        folders = (Path(folder, str(number)) for number in count())  # every run has its own
        content = _compare(features, folders, args)
    content = {"device": "cpu", "images": args.images, "shape": args.shape, **content}
    report(content, measurement, args, args.stage, "cpu")


def _compare(features: Tensor, folders: Any, args: argparse.Namespace) -> dict[str, Any]:
    store, files = next(folders), next(folders)
    _write_store(store, features)
    _write_files(files, features)
    sides = {
        "write": (
            lambda: _write_store(next(folders), features),
            lambda: _write_files(next(folders), features),
        ),
        "read": (lambda: _read_store(store, len(features)), lambda: _read_files(files)),
    }
    found: dict[str, Any] = {name: in_turn(*both, "cpu", args) for name, both in sides.items()}
    ours_s, peer_s = (sum(found[name][side] for name in sides) for side in ("ours_s", "peer_s"))
    for side in found.values():
        side["images_a_second"] = len(features) / side["ours_s"]
    return {
        "peer": "torch.save in float32, a file an image",
        "ours_s": ours_s,
        "peer_s": peer_s,
        "ratio": peer_s / ours_s,
        **found,
        "bytes_ratio": _size(store) / _size(files),
        "relative_error": relative_error(_read_store(store, len(features)), features),
    }


def _write_store(folder: Path, features: Tensor) -> None:
    """As `ovsam cache_teacher` does, with checksums and every shard flushed to the disk."""
    with FeatureWriter(
        root=folder, shape=features.shape[1:], fingerprint={"teacher": "random"}
    ) as store:
        for number, row in enumerate(features):
            store.add(number, row, pixels=number)
        store.finish(range(len(features)))


def _read_store(folder: Path, number: int) -> Tensor:
    store = FeatureStore(root=folder)
    return torch.stack([store.read(image, image) for image in range(number)])


def _write_files(folder: Path, features: Tensor) -> None:
    folder.mkdir()
    for number, row in enumerate(features):
        torch.save(row.clone(), folder / f"{number:06}.pth")  # a view would save all rows


def _read_files(folder: Path) -> Tensor:
    return torch.stack([torch.load(path, weights_only=True) for path in sorted(folder.iterdir())])


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
