"""Writes `shapes` as real files: images with COCO annotations, semantic maps, and SA-1B's layout."""

import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ovsam.datasets.shapes.classes import CLASS_NAMES
from ovsam.datasets.shapes.world import WORLD_VERSION, Scene, draw_scene
from ovsam.datasets.tree import DataTreeError, find_finished, new_tree, write_manifest

#: Splits with class labels; `distill` has masks without labels, as SA-1B.
LABELLED_SPLITS = ("train", "val", "test")
#: Value of a semantic map where no object is: background, left out of training and evaluation.
SEMANTIC_IGNORE = 255
#: Run-length PNG: two thirds of the default's time for noisy pictures, a tenth smaller.
PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
SEMANTIC_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1]
JPEG_OPTIONS = [cv2.IMWRITE_JPEG_QUALITY, 95]
IMAGES_PER_SA1B_FOLDER = 1000
CHUNK = 25

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class ShapesPlan:
    """What is to be written.

    Attributes:
        seed: of the world.
        size: side of the pictures, px.
        train, val, test, distill: number of pictures of each split.

    Raises:
        ValueError: a number out of range.
    """

    seed: int = 0
    size: int = 128
    train: int = 4000
    val: int = 500
    test: int = 1000
    distill: int = 1500

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if not 32 <= self.size <= 4096:
            raise ValueError(f"size must be 32 to 4096 px, got {self.size}")
        for split in (*LABELLED_SPLITS, "distill"):
            if getattr(self, split) < 1:
                raise ValueError(f"{split} must be 1 picture or more, got {getattr(self, split)}")

    @property
    def num_images(self) -> int:
        """Pictures of all splits."""
        return self.train + self.val + self.test + self.distill

    @property
    def spec(self) -> dict[str, int]:
        """Everything that decides the files' content."""
        return {"world_version": WORLD_VERSION, **asdict(self)}


def write_shapes(
    root: Path, plan: ShapesPlan, *, workers: int = 1, force: bool = False, report: Report | None = None
) -> tuple[dict[str, Any], bool]:
    """Write the data set, or leave a finished one with the same plan as it is.

    Args:
        root: its folder; see data/README.md for the tree.
        plan: seed, size and numbers of pictures.
        workers: processes that draw; the files do not depend on it.
        force: replace a finished tree with another plan.
        report: called with (pictures drawn, pictures in all).

    Returns:
        The manifest, and whether it was written now.

    Raises:
        DataTreeError: another tree stands there, or it cannot be written.
    """
    manifest = find_finished(root, name="shapes", spec=plan.spec, force=force)
    if manifest is not None:
        return manifest, False
    tasks = [
        (split, range(start, min(start + CHUNK, getattr(plan, split))))
        for split in (*LABELLED_SPLITS, "distill")
        for start in range(0, getattr(plan, split), CHUNK)
    ]
    # 2.4 bytes a pixel: the noisy PNG takes 1.9.
    with new_tree(root, num_bytes=int(plan.num_images * plan.size**2 * 2.4)) as folder:
        _make_folders(folder, plan)
        records: dict[str, list[dict[str, Any]]] = {split: [] for split in (*LABELLED_SPLITS, "distill")}
        done = 0
        for (split, _), chunk in zip(tasks, _draw_all(folder, plan, tasks, workers), strict=True):
            records[split] += chunk
            done += len(chunk)
            if report is not None:
                report(done, plan.num_images)
        for split in LABELLED_SPLITS:
            _write_annotations(folder / "annotations" / f"instances_{split}.json", records[split], plan)
        write_manifest(folder, _manifest(plan, records))
    manifest = find_finished(root, name="shapes", spec=plan.spec, force=False)
    assert manifest is not None
    return manifest, True


def _make_folders(folder: Path, plan: ShapesPlan) -> None:
    (folder / "annotations").mkdir()
    for split in LABELLED_SPLITS:
        (folder / "images" / split).mkdir(parents=True)
        (folder / "semantic" / split).mkdir(parents=True)
    for number in range(-(-plan.distill // IMAGES_PER_SA1B_FOLDER)):
        (folder / "sa1b" / f"sa_{number:06d}").mkdir(parents=True)


def _draw_all(
    folder: Path, plan: ShapesPlan, tasks: list, workers: int
) -> Iterator[list[dict[str, Any]]]:
    draw = partial(_draw_chunk, str(folder), plan)
    if workers <= 1:
        yield from map(draw, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit the caller's threads
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield from pool.map(draw, tasks)
    except BrokenProcessPool:
        raise DataTreeError("a drawing process was killed (out of memory?); try --workers 1") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """One thread per process; an interrupt is the parent's business, its death ends the worker."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_parent() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def _draw_chunk(folder: str, plan: ShapesPlan, task: tuple[str, range]) -> list[dict[str, Any]]:
    split, indices = task
    write = _write_distilled if split == "distill" else _write_labelled
    records = []
    for index in indices:
        scene = draw_scene(seed=plan.seed, split=split, index=index, size=plan.size)
        records.append(write(Path(folder), split, index, scene))
    return records


def _write_labelled(folder: Path, split: str, index: int, scene: Scene) -> dict[str, Any]:
    image_id = index + 1
    name = f"{image_id:06d}.png"
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    semantic = np.full(scene.image.shape[:2], SEMANTIC_IGNORE, np.uint8)
    for label, mask in zip(scene.labels, scene.masks, strict=True):
        semantic[mask] = label
    hashes = [
        _write_picture(folder, f"images/{split}/{name}", bgr, PNG_OPTIONS),
        _write_picture(folder, f"semantic/{split}/{name}", semantic, SEMANTIC_PNG_OPTIONS),
    ]
    annotations = [
        {
            "image_id": image_id,
            "category_id": int(label) + 1,
            **segment,
            "iscrowd": 0,
            "visible_fraction": round(float(fraction), 4),
            "full_area": int(full_area),
        }
        for label, segment, fraction, full_area in zip(
            scene.labels, _segments(scene), scene.visible_fractions, scene.full_areas, strict=True
        )
    ]
    return {"id": image_id, "file_name": name, "annotations": annotations, "hashes": hashes}


def _write_distilled(folder: Path, split: str, index: int, scene: Scene) -> dict[str, Any]:
    number = index + 1
    stem = f"sa1b/sa_{index // IMAGES_PER_SA1B_FOLDER:06d}/sa_{number}"
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    height, width = bgr.shape[:2]
    annotations = []
    for place, (segment, mask) in enumerate(zip(_segments(scene), scene.masks, strict=True)):
        rows, columns = mask.nonzero()
        middle = len(rows) // 2
        annotations.append(
            {
                "id": number * 10 + place,
                **segment,
                "predicted_iou": 1.0,
                "stability_score": 1.0,
                "crop_box": [0.0, 0.0, float(width), float(height)],
                "point_coords": [[float(columns[middle]), float(rows[middle])]],
            }
        )
    content = {
        "image": {"image_id": number, "width": width, "height": height, "file_name": f"sa_{number}.jpg"},
        "annotations": annotations,
    }
    encoded = json.dumps(content).encode()
    (folder / f"{stem}.json").write_bytes(encoded)
    hashes = [
        _write_picture(folder, f"{stem}.jpg", bgr, JPEG_OPTIONS),
        (f"{stem}.json", hashlib.sha256(encoded).hexdigest()),
    ]
    return {"id": number, "annotations": annotations, "hashes": hashes}


def _segments(scene: Scene) -> list[dict[str, Any]]:
    """COCO's `segmentation`, `area` and `bbox` (xywh px, whole numbers) of each object."""
    runs = coco_mask.encode(np.asfortranarray(scene.masks.transpose(1, 2, 0).view(np.uint8)))
    boxes, areas = coco_mask.toBbox(runs).tolist(), coco_mask.area(runs).tolist()
    return [
        {
            "segmentation": {"size": run["size"], "counts": run["counts"].decode()},
            "area": area,
            "bbox": box,
        }
        for run, box, area in zip(runs, boxes, areas, strict=True)
    ]


def _write_picture(folder: Path, path: str, picture: np.ndarray, options: list[int]) -> tuple[str, str]:
    # cv2.imwrite hides the reason of a failure, so the bytes are written here.
    is_encoded, encoded = cv2.imencode(Path(path).suffix, picture, options)
    assert is_encoded
    content = encoded.tobytes()
    (folder / path).write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def _write_annotations(path: Path, records: list[dict[str, Any]], plan: ShapesPlan) -> None:
    annotations = [annotation for record in records for annotation in record["annotations"]]
    content = {
        "info": {"description": "shapes, a procedural benchmark", "version": str(WORLD_VERSION)},
        "images": [
            {"id": r["id"], "file_name": r["file_name"], "height": plan.size, "width": plan.size}
            for r in records
        ],
        "annotations": [{"id": number, **a} for number, a in enumerate(annotations, start=1)],
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(CLASS_NAMES)],
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def _manifest(plan: ShapesPlan, records: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The digest covers every picture in order and every annotation in the splits with labels."""
    digest = hashlib.sha256()
    for split_records in records.values():
        for record in split_records:
            digest.update(json.dumps([record["hashes"], record["annotations"]]).encode())
    return {
        "name": "shapes",
        "spec": plan.spec,
        "num_images": {split: len(found) for split, found in records.items()},
        "num_instances": {
            split: sum(len(record["annotations"]) for record in found)
            for split, found in records.items()
        },
        "digest": digest.hexdigest(),
    }
