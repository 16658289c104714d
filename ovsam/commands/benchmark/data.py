"""Stage `data`: CLIP2SAM's training pictures from files to batches, and what a worker holds alone."""

import argparse
import contextlib
import io
import re
import statistics
import tempfile
import time
from itertools import chain, islice, repeat
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import ConfigDict
from torch.utils.data import DataLoader

from ovsam.benchmark.provenance import Measurement
from ovsam.cli import find_config
from ovsam.commands.benchmark.results import report
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.engine.configuration import load_config
from ovsam.engine.runner import Runner
from ovsam.files import write_json

CONFIG, VOCABULARY = "ovsam/ovsam_rn50x16_coco48_12e", "coco_48_17"
FILES, HEIGHT, WIDTH = 32, 480, 640  # JPEGs, of COCO's size; each is the picture of many entries
OBJECTS, CORNERS = 10, 20  # of a picture, and of the polygon of each


def run(args: argparse.Namespace) -> None:
    """Measure and report; the numbers beside `workers` are those of most workers.

    Raises:
        ValueError: too few annotations for a batch.
    """
    measurement, workers = Measurement(), {}
    # What is read is logged on the standard output.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        _write(Path(folder), args.annotations)
        config = load_config(find_config(CONFIG)).train_dataloader
        config.dataset.update(data_root=folder, ann_file="annotations.json", data_prefix=dict(img=""))
        began = time.perf_counter()
        loader = _loader(config, 0)
        index = {
            "index_s": time.perf_counter() - began,
            "index_gb": loader.dataset.data_bytes.nbytes / 1e9,
        }
        if not len(loader):
            raise ValueError(
                f"--annotations: {args.annotations:,} fill no batch of {loader.batch_size} pictures with"
                " base classes; ask for more"
            )
        config.dataset = loader.dataset
        for number in sorted(set(args.workers)):
            workers[str(number)] = _measure(_loader(config, number), args)
    content = {
        "config": CONFIG,
        "annotations": args.annotations,
        "images": args.images,
        **index,
        **list(workers.values())[-1],
        "workers": workers,
    }
    report(content, measurement, args, args.stage)


def _loader(config: ConfigDict, workers: int) -> DataLoader:
    """The config's loader with so many worker processes."""
    return Runner.build_dataloader(
        dict(config, num_workers=workers, persistent_workers=workers > 0), seed=0
    )


def _measure(loader: DataLoader, args: argparse.Namespace) -> dict[str, float]:
    """Images a second, and the memory that every worker shares with no other process."""
    passes = iter(loader)  # keeps its workers
    batches = chain(passes, chain.from_iterable(repeat(loader)))
    for _ in islice(batches, args.warm_up * max(1, loader.num_workers)):
        pass
    rates = []
    for _ in range(args.repeats):
        began, images = time.perf_counter(), 0
        while images < args.images:
            images += len(next(batches)["data_samples"])
        rates.append(images / (time.perf_counter() - began))
    found = {"images_a_second": statistics.median(rates)}
    private = [_private_bytes(worker.pid) for worker in getattr(passes, "_workers", ())]
    return {**found, "worker_gb": max(private) / 1e9} if private else found


def _private_bytes(process: int) -> int:
    """Memory of a process that it shares with no other; 0 where the system does not say."""
    told = Path(f"/proc/{process}/smaps_rollup")
    text = told.read_text() if told.is_file() else ""
    return 1024 * sum(int(size) for size in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE))


def _write(folder: Path, num_annotations: int) -> None:
    """Pictures and an annotation file in COCO's format; polygons are stars around random places."""
    rng, vocabulary = np.random.default_rng(0), get_vocabulary(VOCABULARY)
    for number in range(FILES):
        coarse = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.jpg"), cv2.resize(coarse, (WIDTH, HEIGHT)))
    images = [
        {"id": number, "file_name": f"{number % FILES}.jpg", "height": HEIGHT, "width": WIDTH}
        for number in range(max(FILES, num_annotations // OBJECTS))
    ]
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    annotations = []
    for number in range(num_annotations):
        radii = rng.uniform(20, 60, (CORNERS, 1))
        corners = (circle * radii + rng.uniform((60, 60), (WIDTH - 60, HEIGHT - 60))).round(2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        area = cv2.contourArea(corners.astype(np.float32))
        annotations.append(
            {"id": number, "image_id": number % len(images), "iscrowd": 0, "area": round(area, 2),
             "category_id": int(rng.choice(vocabulary.category_ids)),
             "bbox": [*low.tolist(), *(high - low).tolist()], "segmentation": [corners.ravel().tolist()]}
        )  # fmt: skip
    categories = [
        {"id": id, "name": name}
        for id, name in zip(vocabulary.category_ids, vocabulary.names, strict=True)
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_json(content, folder / "annotations.json")
