"""Small data sets of images with boxes, held in memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ovsam.datasets.broken import OnError, one_line, report_left_out
from ovsam.datasets.pictures import picture_path, read_picture
from ovsam.files import read_json
from ovsam.ops.annotations import corners_of_box

PREPARE = "run tools/prepare_data.py shapes"
#: What the file must list, and the fields that each entry needs.
KEYS = {
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("id", "image_id", "category_id", "bbox"),
    "categories": ("id", "name"),
}


@dataclass(frozen=True)
class BoxAnnotations:
    """All objects of a data set, grouped by image."""

    boxes: NDArray[np.float32]  # (n, 4) xyxy px
    category_ids: NDArray[np.int64]  # (n,)
    image_rows: NDArray[np.int64]  # (n,), row of the image
    # (images + 1,) int64; the objects of image i are rows first[i] to first[i + 1]
    first: NDArray[np.int64]


class BoxedImages(Dataset):
    """Images in memory with their boxes; one item per box.

    Args:
        annotation_file: COCO JSON.
        image_folder: folder of the images it names.
        on_error: `skip` leaves out, counts and logs pictures that cannot be read; `raise` stops at them.

    Raises:
        FileNotFoundError, ValueError: data that are missing or broken, or an annotation file in which
            ids are missing, occur twice or belong to nothing.
    """

    def __init__(self, *, annotation_file: str, image_folder: str, on_error: OnError = "raise") -> None:
        path = Path(annotation_file)
        if not Path(image_folder).is_dir():
            raise FileNotFoundError(f"{image_folder} does not exist: {PREPARE}")
        content = read_json(path, missing=PREPARE, damaged=f"{PREPARE} --force")
        _check(path, content)
        self.names = {category["id"]: category["name"] for category in content["categories"]}
        read, broken = _read_pictures(content["images"], Path(image_folder), on_error)
        report_left_out("images", path, broken, len(content["images"]))
        self.skipped = {"broken images": len(broken)} if broken else {}
        self.images = [picture for _, picture in read]
        self.annotations = _group({**content, "images": [image for image, _ in read]})

    def __len__(self) -> int:
        return len(self.annotations.boxes)

    @property
    def metainfo(self) -> dict[str, Any]:
        """The names by category id, for metrics and checkpoints."""
        return dict(category_names=self.names)


def _check(path: Path, content: Any) -> None:
    """Raise ValueError unless `content` is of COCO's format, as far as boxes need it."""
    lists = [content.get(key) if isinstance(content, dict) else None for key in KEYS]
    rows = [row for found in lists if isinstance(found, list) for row in found]
    if not all(isinstance(found, list) for found in lists) or not all(isinstance(r, dict) for r in rows):
        raise ValueError(f"{path}: expected lists {', '.join(KEYS)} of objects; {PREPARE} --force")
    for found, (what, fields) in zip(lists, KEYS.items(), strict=True):
        for row in found or []:
            if missing := [field for field in fields if field not in row]:
                raise ValueError(f"{path}: one of its {what} lacks {', '.join(missing)}; {row!r:.80}")
        ids = Counter(row["id"] for row in found or [])
        if twice := [identity for identity, number in ids.items() if number > 1]:
            raise ValueError(f"{path}: ids of {what} occur twice: {twice[:5]}; mend or remove them")
    known = {image["id"] for image in content["images"]}
    if lost := [a["id"] for a in content["annotations"] if a["image_id"] not in known]:
        raise ValueError(f"{path}: annotations {lost[:5]} belong to images that are not listed")


def _read_pictures(
    images: Sequence[dict[str, Any]], folder: Path, on_error: OnError
) -> tuple[list[tuple[dict[str, Any], NDArray[np.uint8]]], list[str]]:
    """Images of the list with their pictures, and the problems of those that are left out."""
    read, broken = [], []
    for image in images:
        size = image["height"], image["width"]
        try:
            picture = read_picture(picture_path(folder, image["file_name"]), size=size)
            if picture.shape[:2] != size:
                name, found = image["file_name"], picture.shape[:2]
                raise ValueError(f"image {name} has (h, w) = {found}, its annotations are for {size}")
        except (ValueError, OSError) as error:
            if on_error == "raise":
                raise
            broken.append(one_line(error))
            continue
        read.append((image, picture))
    return read, broken


def _group(content: dict[str, Any]) -> BoxAnnotations:
    rows = {image["id"]: row for row, image in enumerate(content["images"])}
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    found = [
        (rows[a["image_id"]], a["id"], corners_of_box(a["bbox"], sizes[a["image_id"]]), a["category_id"])
        for a in content["annotations"]
        if not a.get("iscrowd") and a["image_id"] in rows
    ]
    kept = sorted((entry for entry in found if entry[2] is not None), key=lambda entry: entry[:2])
    image_rows = np.array([entry[0] for entry in kept], np.int64)
    return BoxAnnotations(
        boxes=np.array([entry[2] for entry in kept], np.float32).reshape(-1, 4),
        category_ids=np.array([entry[3] for entry in kept], np.int64),
        image_rows=image_rows,
        first=np.searchsorted(image_rows, np.arange(len(rows) + 1)),
    )
