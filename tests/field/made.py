"""A small data set of one picture, 60 x 100 px, with whatever annotations a test writes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.vocabularies import class_list
from ovsam.ops.masks import encode_masks

HEIGHT, WIDTH = 60, 100
BOX = (10, 5, 30, 20)  # x, y, w, h of the object
POLYGON = [10, 5, 40, 5, 40, 25, 10, 25]
PIPELINE = [dict(type=LoadImage), dict(type=LoadInstances), dict(type=PackPromptInputs)]


def mask() -> np.ndarray:
    """(60, 100) bool, the object."""
    x, y, w, h = BOX
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[y : y + h, x : x + w] = True
    return drawn


def code() -> dict[str, Any]:
    """The object's compressed run-length code."""
    return encode_masks(mask()[None])[0]


def annotation(**changes: Any) -> dict[str, Any]:
    """The object as an annotation."""
    fields = dict(id=7, image_id=1, category_id=1, bbox=list(BOX), area=600, iscrowd=0)
    return {**fields, "segmentation": [POLYGON], **changes}


def picture() -> np.ndarray:
    """(60, 100, 3) uint8, every pixel another colour."""
    return np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def content(
    annotations: Sequence[Mapping[str, Any]], file_name: str = "a.png", **changes: Any
) -> dict[str, Any]:
    """An annotation file of one picture."""
    images = [{"id": 1, "file_name": file_name, "height": HEIGHT, "width": WIDTH}]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    return {"images": images, "annotations": list(annotations), "categories": categories, **changes}


def written(folder: Path, found: Mapping[str, Any], encoding: str = "utf-8") -> Path:
    """Write picture and annotation file; returns the file."""
    cv2.imwrite(str(folder / "a.png"), picture())
    (folder / "ann.json").write_text(json.dumps(found), encoding=encoding)
    return folder / "ann.json"


def dataset(path: Path, **arguments: Any) -> CocoPromptDataset:
    """The data set of an annotation file whose pictures lie beside it."""
    options = dict(pipeline=PIPELINE, test_mode=True)
    options["vocabulary"] = dict(type=class_list, name="pets", base=["cat"])
    options |= dict(ann_file=path.name, data_root=str(path.parent), data_prefix=dict(img=""))
    return CocoPromptDataset(**(options | arguments))


def masks_of(path: Path, **arguments: Any) -> np.ndarray:
    """(n, H, W) bool, the masks of the first picture as the pipeline reads them."""
    return dataset(path, **arguments)[0]["data_samples"].gt_instances.masks.numpy()


def masks_of_annotation(folder: Path, **changes: Any) -> np.ndarray:
    """(n, H, W) bool of a file whose one annotation is changed."""
    return masks_of(written(folder, content([annotation(**changes)])))
