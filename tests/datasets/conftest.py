"""A small data set in COCO's format whose files a test may break."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ovsam.ops.masks import encode_masks

HEIGHT, WIDTH = 20, 30
#: Base, novel and unused of the vocabulary `shapes`, by label.
BASE, NOVEL, UNUSED = 3, 6, 9


def rectangle(x: int, y: int, w: int, h: int) -> np.ndarray:
    """(HEIGHT, WIDTH) bool with a filled rectangle."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + h, x : x + w] = True
    return mask


def annotation(identity: int, image_id: int, label: int, box: tuple, **changes: Any) -> dict[str, Any]:
    """One annotation whose mask is its box."""
    code = encode_masks(rectangle(*box)[None])[0]
    content = dict(id=identity, image_id=image_id, category_id=label + 1, iscrowd=0, bbox=list(box))
    return {**content, "segmentation": code, "area": box[2] * box[3], **changes}


def content() -> dict[str, Any]:
    """Image 11: base, novel, base. Image 12: novel only. Image 15: unused only. Image 17: base."""
    return {
        "images": [
            {"id": i, "file_name": f"{i}.png", "height": HEIGHT, "width": WIDTH}
            for i in (12, 11, 17, 15)
        ],
        "annotations": [
            annotation(1, 11, BASE, (2, 3, 8, 5)),
            annotation(2, 11, NOVEL, (15, 1, 6, 9)),
            annotation(3, 12, NOVEL, (4, 4, 7, 3)),
            annotation(4, 11, BASE, (12, 11, 9, 7)),
            annotation(5, 15, UNUSED, (1, 1, 5, 6)),
            annotation(6, 17, BASE, (0, 0, 30, 20)),
        ],
        "categories": [{"id": i} for i in range(1, 81)],
    }


@pytest.fixture
def coco_content() -> dict[str, Any]:
    """`content()`."""
    return content()


@pytest.fixture
def make_annotation() -> Callable[..., dict[str, Any]]:
    """`annotation`."""
    return annotation


@pytest.fixture
def make_coco(tmp_path: Path) -> Callable[[dict[str, Any] | None], Path]:
    """Writes pictures and an annotation file; returns the data root."""

    def make(annotations: dict[str, Any] | None = None) -> Path:
        (tmp_path / "img").mkdir(exist_ok=True)
        rng = np.random.default_rng(0)
        for number in (11, 12, 15, 17):
            picture = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "img" / f"{number}.png"), picture)
        (tmp_path / "ann.json").write_text(json.dumps(content() if annotations is None else annotations))
        return tmp_path

    return make


@pytest.fixture
def boxed_world(tmp_path):
    """Two 40 x 60 pictures: a white 10 x 8 box at (20, 12) in the first, two boxes in the second."""
    pictures = np.zeros((2, 40, 60, 3), np.uint8)
    boxes = {1: [(20, 12, 10, 8)], 2: [(4, 6, 12, 12), (40, 20, 6, 16)]}
    annotations = []
    for picture, places in boxes.items():
        for category, (x, y, w, h) in enumerate(places, start=picture):
            pictures[picture - 1, y : y + h, x : x + w] = (255, 200, 100)  # RGB
            annotations.append(
                dict(id=len(annotations), image_id=picture, category_id=category, bbox=[x, y, w, h])
            )
        cv2.imwrite(str(tmp_path / f"{picture}.png"), pictures[picture - 1][..., ::-1])
    names = {1: "red bar", 2: "blue star", 3: "green ring"}
    content = dict(
        images=[dict(id=i, file_name=f"{i}.png", width=60, height=40) for i in (1, 2)],
        annotations=annotations[::-1],  # the order of the file must not matter
        categories=[dict(id=i, name=name) for i, name in names.items()],
    )
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return dict(annotation_file=str(tmp_path / "instances.json"), image_folder=str(tmp_path))
