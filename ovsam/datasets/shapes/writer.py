"""Writes `shapes` as real files: images with COCO annotations, semantic maps, and SA-1B's layout."""

import hashlib
import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ovsam.datasets.shapes.classes import CLASS_NAMES
from ovsam.datasets.shapes.world import (
    BENCHMARK_SPLITS,
    PICTURE_SIZE,
    WORLD_VERSION,
    Scene,
    draw_scene,
)
from ovsam.datasets.tree import DataTreeError, find_finished, new_tree, write_manifest
from ovsam.ops.masks import encode_masks
from ovsam.processes import end_with_parent, worker_pool

#: Like SA-1B, `distill` has masks without labels.
WRITTEN_SPLITS = (*BENCHMARK_SPLITS, "distill")
#: Value of the background in a semantic map: neither trained nor evaluated.
SEMANTIC_IGNORE = 255
#: Run-length PNG: for noisy pictures it takes two thirds of the default's time and is a tenth smaller.
PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
SEMANTIC_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1]
JPEG_OPTIONS = [cv2.IMWRITE_JPEG_QUALITY, 95]
IMAGES_PER_SA1B_FOLDER = 1000
CHUNK = 25

Task = tuple[str, range]  # split, and numbers of its pictures


@dataclass(frozen=True)
class ShapesPlan:
    """What to write: the world's seed, the side of the pictures (px), and their number in each split.

    Raises:
        ValueError: a number is out of range.
    """

    seed: int = 0
    size: int = PICTURE_SIZE
    train: int = 3000
    val: int = 400
    test: int = 1000
    distill: int = 1200

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if not 32 <= self.size <= 4096:
            raise ValueError(f"size must be 32 to 4096 px, got {self.size}")
        for split, number in self.num_pictures.items():
            if number < 1:
                raise ValueError(f"{split} must be 1 picture or more, got {number}")

    @property
    def num_pictures(self) -> dict[str, int]:
        """Number of pictures in each split."""
        return {split: getattr(self, split) for split in WRITTEN_SPLITS}

    @property
    def num_images(self) -> int:
        """Number of pictures in all splits."""
        return sum(self.num_pictures.values())

    @property
    def spec(self) -> dict[str, int]:
        """Everything that determines the files' content."""
        return {"world_version": WORLD_VERSION, **asdict(self)}


def write_shapes(
    root: Path,
    plan: ShapesPlan,
    *,
    workers: int = 1,
    force: bool = False,
    report: Callable[[int, int], None] = lambda drawn, total: None,
) -> tuple[dict[str, Any], bool]:
    """Write the data set, or keep a finished one with the same plan.

    Args:
        root: its folder; see data/README.md for the tree.
        workers: processes that draw; the files do not depend on their number.
        force: replace a finished tree that has a different plan.
        report: called with (pictures drawn, all pictures).

    Returns:
        The manifest, and whether this call wrote it.

    Raises:
        DataTreeError: a different tree is there, or the tree cannot be written.
    """
    manifest = find_finished(root, name="shapes", spec=plan.spec, force=force)
    if manifest is not None:
        return manifest, False
    tasks = tasks_of(plan.num_pictures)
    # 2.4 bytes per pixel: the noisy PNG takes 1.9.
    with new_tree(root, num_bytes=int(plan.num_images * plan.size**2 * 2.4)) as folder:
        folders = [f"{kind}/{split}" for kind in ("images", "semantic") for split in BENCHMARK_SPLITS]
        folders += [f"sa1b/sa_{n:06d}" for n in range(-(-plan.distill // IMAGES_PER_SA1B_FOLDER))]
        for name in ("annotations", *folders):
            (folder / name).mkdir(parents=True)
        records: dict[str, list[dict[str, Any]]] = {split: [] for split in WRITTEN_SPLITS}
        done = 0
        drawn = draw_all(partial(_draw_chunk, folder, plan), tasks, workers)
        for (split, _), chunk in zip(tasks, drawn, strict=True):
            records[split] += chunk
            done += len(chunk)
            report(done, plan.num_images)
        for split in BENCHMARK_SPLITS:
            _write_annotations(folder / "annotations" / f"instances_{split}.json", records[split], plan)
        write_manifest(folder, _manifest(plan, records))
    manifest = find_finished(root, name="shapes", spec=plan.spec, force=False)
    assert manifest is not None
    return manifest, True


def write_sheet(path: Path, *, seed: int, size: int, rows: int = 6, columns: int = 8) -> None:
    """Write the first rows x columns train pictures of a world as one PNG, to look at.

    Raises:
        DataTreeError: the file cannot be written.
    """
    numbers = np.arange(rows * columns).reshape(rows, columns).tolist()
    draw = partial(draw_scene, seed=seed, split="train", size=size)
    sheet = cv2.vconcat([cv2.hconcat([draw(index=n).image for n in row]) for row in numbers])
    try:
        write_picture(path.parent, path.name, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [])
    except OSError as error:
        raise DataTreeError(f"{path} cannot be written: {error.strerror}") from None


def tasks_of(num_pictures: Mapping[str, int]) -> list[Task]:
    """The pictures of all splits in chunks, in order."""
    return [
        (split, range(start, min(start + CHUNK, number)))
        for split, number in num_pictures.items()
        for start in range(0, number, CHUNK)
    ]


def draw_all(
    draw: Callable[[Task], list[dict[str, Any]]], tasks: Sequence[Task], workers: int
) -> Iterator[list[dict[str, Any]]]:
    """What `draw` gives for each (split, indices), in order, drawn in so many processes.

    Raises:
        DataTreeError: a process was killed.
    """
    if workers <= 1:
        yield from map(draw, tasks)
        return
    pool = worker_pool(workers, initializer=_start_worker)
    try:
        yield from pool.map(draw, tasks)
    except BrokenProcessPool:
        raise DataTreeError("a drawing process was killed (out of memory?); try --workers 1") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """One thread per process; the parent handles interrupts."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _draw_chunk(folder: Path, plan: ShapesPlan, task: Task) -> list[dict[str, Any]]:
    split, indices = task
    write = _write_distilled if split == "distill" else partial(_write_labelled, split)
    return [
        write(folder, index, draw_scene(seed=plan.seed, split=split, index=index, size=plan.size))
        for index in indices
    ]


def _write_labelled(split: str, folder: Path, index: int, scene: Scene) -> dict[str, Any]:
    image_id = index + 1
    name = f"{image_id:06d}.png"
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    semantic = np.full(scene.image.shape[:2], SEMANTIC_IGNORE, np.uint8)
    for label, mask in zip(scene.labels, scene.masks, strict=True):
        semantic[mask] = label
    hashes = [
        write_picture(folder, f"images/{split}/{name}", bgr, PNG_OPTIONS),
        write_picture(folder, f"semantic/{split}/{name}", semantic, SEMANTIC_PNG_OPTIONS),
    ]
    columns = scene.labels, segments_of(scene), scene.visible_fractions, scene.full_areas
    annotations = [
        {
            "image_id": image_id,
            "category_id": int(label) + 1,
            **segment,
            "iscrowd": 0,
            "visible_fraction": round(float(visible), 4),
            "full_area": int(area),
        }
        for label, segment, visible, area in zip(*columns, strict=True)
    ]
    return {"id": image_id, "file_name": name, "annotations": annotations, "hashes": hashes}


def _write_distilled(folder: Path, index: int, scene: Scene) -> dict[str, Any]:
    number = index + 1
    stem = f"sa1b/sa_{index // IMAGES_PER_SA1B_FOLDER:06d}/sa_{number}"
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    height, width = bgr.shape[:2]
    annotations = []
    for place, (segment, mask) in enumerate(zip(segments_of(scene), scene.masks, strict=True)):
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
        write_picture(folder, f"{stem}.jpg", bgr, JPEG_OPTIONS),
        (f"{stem}.json", hashlib.sha256(encoded).hexdigest()),
    ]
    return {"id": number, "annotations": annotations, "hashes": hashes}


def segments_of(scene: Scene) -> list[dict[str, Any]]:
    """COCO's `segmentation`, `area` and `bbox` (xywh px, whole numbers) of each object."""
    codes = encode_masks(scene.masks)
    columns = codes, coco_mask.area(codes).tolist(), coco_mask.toBbox(codes).tolist()
    names = ("segmentation", "area", "bbox")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def write_picture(folder: Path, path: str, picture: np.ndarray, options: list[int]) -> tuple[str, str]:
    """Write a BGR picture below a folder, in the format of its suffix; its path and sha256."""
    # cv2.imwrite hides why it failed, so we write the bytes ourselves.
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
    """Counts, and a digest of every picture in order and every annotation."""
    digest = hashlib.sha256()
    for split_records in records.values():
        for record in split_records:
            digest.update(json.dumps([record["hashes"], record["annotations"]]).encode())
    return {
        "name": "shapes",
        "spec": plan.spec,
        "num_images": {split: len(found) for split, found in records.items()},
        "num_instances": {s: sum(len(r["annotations"]) for r in found) for s, found in records.items()},
        "digest": digest.hexdigest(),
    }
