"""A contact sheet of `shapes`, to look at."""

from pathlib import Path

import cv2
import numpy as np

from ovsam.datasets.shapes.world import draw_scene
from ovsam.datasets.tree import DataTreeError


def write_sheet(path: Path, *, seed: int, size: int, rows: int = 6, columns: int = 8) -> None:
    """Write the first rows x columns train pictures of a world as one PNG.

    Raises:
        DataTreeError: the file cannot be written.
    """
    pictures = [
        draw_scene(seed=seed, split="train", index=index, size=size).image
        for index in range(rows * columns)
    ]
    sheet = np.stack(pictures).reshape(rows, columns, size, size, 3)
    sheet = sheet.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)  # rows of pictures
    _, encoded = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise DataTreeError(f"{path} cannot be written: {error.strerror}") from None
