"""Trees and tar files of small pictures whose colours say which they are."""

import tarfile
from pathlib import Path

import cv2
import numpy as np


def write_picture(path: Path, level: int, size: tuple[int, int] = (6, 9)) -> None:
    """A picture of (h, w) px, all of one grey level; PNG content whatever the ending, as in ImageNet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((*size, 3), level, np.uint8))[1].tobytes())


def write_tree(root: Path, classes: dict[str, list[int]]) -> Path:
    """A folder per class with a picture `K.JPEG` of level K each."""
    for name, levels in classes.items():
        (root / name).mkdir(parents=True)
        for level in levels:
            write_picture(root / name / f"{level}.JPEG", level)
    return root


def pack(folder: Path) -> Path:
    """Replace a folder by a tar file of its pictures."""
    path = folder.with_name(f"{folder.name}.tar")
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, arcname=file.name)
            file.unlink()
    folder.rmdir()
    return path
