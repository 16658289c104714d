"""Small trees of COCO and LVIS whose files a test may break."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ovsam.datasets.vocabularies import get_vocabulary

HEIGHT, WIDTH = 20, 30


def polygon(x: int, y: int, w: int, h: int) -> list[list[int]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def annotations(vocabulary_name: str, names: list[str], labels: list[int]) -> dict[str, Any]:
    """One annotation of each label, on the pictures in turn; ids from 1."""
    vocabulary = get_vocabulary(vocabulary_name)
    return {
        "info": {"version": "test"},
        "images": [
            {"id": i, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for i, name in enumerate(names, start=1)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": number % len(names) + 1,
                "category_id": vocabulary.category_ids[label],
                "bbox": [2, 3, 8, 5],
                "segmentation": polygon(2, 3, 8, 5),
                "area": 40,
            }
            for number, label in enumerate(labels, start=1)
        ],
        "categories": [
            {"id": category, "name": name.replace(" ", "_")}
            for category, name in zip(vocabulary.category_ids, vocabulary.names, strict=True)
        ],
    }


def write_pictures(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in names:
        picture = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / name), picture)


@pytest.fixture
def coco_root(tmp_path: Path) -> Path:
    """Train: 3 pictures, 3 base, 2 novel, 1 unused; val: 2 pictures, 1 base."""
    vocabulary = get_vocabulary("coco_48_17")
    base, novel = sorted(vocabulary.base)[:3], sorted(vocabulary.novel)[:2]
    unused = sorted(set(range(80)) - vocabulary.evaluated)[:1]
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    for split, number, labels in (("train", 3, base + novel + unused), ("val", 2, base[:1])):
        names = [f"{i:012d}.jpg" for i in range(1, number + 1)]
        write_pictures(root / f"{split}2017", names)
        path = root / "annotations" / f"instances_{split}2017.json"
        path.write_text(json.dumps(annotations("coco_48_17", names, labels)))
    return root


@pytest.fixture
def lvis_root(coco_root: Path) -> Path:
    """Beside `coco_root`; train: 4 common, 3 rare; val on pictures of both folders."""
    vocabulary = get_vocabulary("lvis_v1")
    common, rare = sorted(vocabulary.base)[:4], sorted(vocabulary.novel)[:3]
    root = coco_root.with_name("lvis")
    (root / "annotations").mkdir(parents=True)
    names = {
        "train": [f"train2017/{i:012d}.jpg" for i in (1, 2)],
        "val": ["train2017/000000000003.jpg", "val2017/000000000001.jpg"],
    }
    for split, labels in (("train", [*rare, *common]), ("val", rare[:1] + common[:1])):
        content = annotations("lvis_v1", names[split], labels)
        for image in content["images"]:  # as LVIS names its images
            image["coco_url"] = f"http://images.cocodataset.org/{image.pop('file_name')}"
        for label, row in enumerate(content["categories"]):
            row["frequency"] = "r" if label in vocabulary.novel else "c"
        (root / "annotations" / f"lvis_v1_{split}.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def change() -> Callable[[Path, Callable[[Any], Any]], None]:
    """Applies a function to the content of a JSON file."""

    def apply(path: Path, function: Callable[[Any], Any]) -> None:
        content = json.loads(path.read_text())
        function(content)
        path.write_text(json.dumps(content))

    return apply


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, tuple[bytes, int]]]:
    """Content and time of change of every file below a folder."""

    def take(root: Path) -> dict[str, tuple[bytes, int]]:
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    return take
