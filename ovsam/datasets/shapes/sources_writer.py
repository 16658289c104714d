"""Writes what joint training has beside masks: scenes with boxes, pictures with labels, and a test."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from ovsam.datasets.shapes.classes import BOXED_LOOKS, LABELLED_LOOKS, Look
from ovsam.datasets.shapes.world import PICTURE_SIZE, WORLD_VERSION, draw_scene, draw_single
from ovsam.datasets.shapes.writer import (
    PNG_OPTIONS,
    Task,
    draw_all,
    segments_of,
    tasks_of,
    write_picture,
)
from ovsam.datasets.tree import find_finished, new_tree, write_manifest

NAME = "shapes_sources"
#: Looks of the splits that have annotations; `alone` are pictures of one thing, its box is the picture.
ANNOTATED = {"boxes": BOXED_LOOKS, "probe": LABELLED_LOOKS, "alone": LABELLED_LOOKS}


@dataclass(frozen=True)
class SourcesPlan:
    """What to write: the world's seed, sides (px) of scenes and of pictures with a label, and numbers.

    Raises:
        ValueError: a number is out of range.
    """

    seed: int = 0
    size: int = PICTURE_SIZE
    label_size: int = 96
    boxes: int = 1200
    labels: int = len(LABELLED_LOOKS)  # picture n shows look n, and so on from the first
    probe: int = 200  # scenes of things with labels only
    alone: int = 400  # pictures of one thing each

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        for what, side in (("size", self.size), ("label_size", self.label_size)):
            if not 32 <= side <= 4096:
                raise ValueError(f"{what} must be 32 to 4096 px, got {side}")
        for split, number in self.num_pictures.items():
            if number < 1:
                raise ValueError(f"{split} must be 1 picture or more, got {number}")

    @property
    def num_pictures(self) -> dict[str, int]:
        """Number of pictures in each split."""
        return {
            "boxes": self.boxes,
            "labels": self.labels,
            "probe": self.probe,
            "alone": self.alone,
        }

    @property
    def spec(self) -> dict[str, int]:
        """Everything that determines the files' content."""
        return {"world_version": WORLD_VERSION, **asdict(self)}


def write_sources(
    root: Path,
    plan: SourcesPlan,
    *,
    workers: int = 1,
    force: bool = False,
    report: Callable[[int, int], None] = lambda drawn, total: None,
) -> tuple[dict[str, Any], bool]:
    """Write the data, or keep a finished tree with the same plan; arguments as `write_shapes`.

    Returns:
        The manifest, and whether this call wrote it.

    Raises:
        DataTreeError: a different tree is there, or the tree cannot be written.
    """
    manifest = find_finished(root, name=NAME, spec=plan.spec, force=force)
    if manifest is not None:
        return manifest, False
    total, tasks = sum(plan.num_pictures.values()), tasks_of(plan.num_pictures)
    num_alone = plan.labels + plan.alone
    num_bytes = 2.4 * ((plan.boxes + plan.probe) * plan.size**2 + num_alone * plan.label_size**2)
    with new_tree(root, num_bytes=int(num_bytes)) as folder:
        for split in ("annotations", *(f"images/{split}" for split in ANNOTATED)):
            (folder / split).mkdir(parents=True)
        for look in LABELLED_LOOKS[: plan.labels]:
            (folder / _label_folder(look)).mkdir(parents=True)
        records: dict[str, list[dict[str, Any]]] = {split: [] for split in plan.num_pictures}
        done = 0
        drawn = draw_all(partial(_draw_chunk, folder, plan), tasks, workers)
        for (split, _), chunk in zip(tasks, drawn, strict=True):
            records[split] += chunk
            done += len(chunk)
            report(done, total)
        for split, looks in ANNOTATED.items():
            size = plan.label_size if split == "alone" else plan.size
            content = _annotations(records[split], looks, size)
            path = folder / "annotations" / f"{split}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
        write_manifest(folder, _manifest(plan, records))
    manifest = find_finished(root, name=NAME, spec=plan.spec, force=False)
    assert manifest is not None
    return manifest, True


def _label_folder(look: Look) -> str:
    return f"labels/{look.name.replace(' ', '_')}"


def _draw_chunk(folder: Path, plan: SourcesPlan, task: Task) -> list[dict[str, Any]]:
    split, indices = task
    writers = {"labels": _write_labelled, "alone": _write_alone}
    write = writers.get(split) or partial(_write_scene, split)
    return [write(folder, plan, index) for index in indices]


def _write_labelled(folder: Path, plan: SourcesPlan, index: int) -> dict[str, Any]:
    look = LABELLED_LOOKS[index % len(LABELLED_LOOKS)]
    image = draw_single(seed=plan.seed, index=index, size=plan.label_size, look=look, split="labels")
    path = f"{_label_folder(look)}/{index + 1:06d}.png"
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return {"hash": write_picture(folder, path, bgr, PNG_OPTIONS)}


def _write_alone(folder: Path, plan: SourcesPlan, index: int) -> dict[str, Any]:
    side, place = plan.label_size, index * len(LABELLED_LOOKS) // plan.alone
    drawing = dict(seed=plan.seed, index=index, size=side, look=LABELLED_LOOKS[place])
    bgr = cv2.cvtColor(draw_single(**drawing, split="probe"), cv2.COLOR_RGB2BGR)
    name, box = f"{index + 1:06d}.png", [0.0, 0.0, float(side), float(side)]
    annotation = {"image_id": index + 1, "category_id": place + 1, "iscrowd": 0, "bbox": box}
    written = write_picture(folder, f"images/alone/{name}", bgr, PNG_OPTIONS)
    annotations = [{**annotation, "area": float(side**2)}]
    return {"hash": written, "id": index + 1, "file_name": name, "annotations": annotations}


def _write_scene(split: str, folder: Path, plan: SourcesPlan, index: int) -> dict[str, Any]:
    looks = ANNOTATED[split]
    scene = draw_scene(seed=plan.seed, split=split, index=index, size=plan.size, looks=looks)
    name = f"{index + 1:06d}.png"
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    written = write_picture(folder, f"images/{split}/{name}", bgr, PNG_OPTIONS)
    place = {look: number for number, look in enumerate(looks, start=1)}
    annotations = [
        {"image_id": index + 1, "category_id": place[look], "iscrowd": 0, **segment}
        for look, segment in zip(scene.looks, segments_of(scene), strict=True)
    ]
    if split == "boxes":
        for annotation in annotations:
            del annotation["segmentation"]
    return {"hash": written, "id": index + 1, "file_name": name, "annotations": annotations}


def _annotations(
    records: Sequence[Mapping[str, Any]], looks: Sequence[Look], size: int
) -> dict[str, Any]:
    """COCO's format; a category is a look, its id the place from 1 on."""
    annotations = [annotation for record in records for annotation in record["annotations"]]
    return {
        "info": {"description": NAME, "version": str(WORLD_VERSION)},
        "images": [
            {"id": r["id"], "file_name": r["file_name"], "height": size, "width": size} for r in records
        ],
        "annotations": [{"id": number, **a} for number, a in enumerate(annotations, start=1)],
        "categories": [{"id": n, "name": look.name} for n, look in enumerate(looks, start=1)],
    }


def _manifest(plan: SourcesPlan, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for found in records.values():
        for record in found:
            digest.update(json.dumps([record["hash"], record.get("annotations")]).encode())
    return {
        "name": NAME,
        "spec": plan.spec,
        "num_images": {split: len(found) for split, found in records.items()},
        "num_instances": {
            split: sum(len(record["annotations"]) for record in records[split]) for split in ANNOTATED
        },
        "digest": digest.hexdigest(),
    }
