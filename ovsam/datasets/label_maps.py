"""Reads and writes label maps: PNG files with one channel of 8 or 16 bits."""

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

LabelMap = NDArray[np.integer]
COMPRESSION = [cv2.IMWRITE_PNG_COMPRESSION, 3]


def read_label_map(path: str | Path, *, bits: int = 8, hint: str = "") -> LabelMap:
    """The values of a file as they are.

    Args:
        path: PNG file.
        bits: what the values need, 8 or 16; a file of 16 is read where 8 are enough.
        hint: what makes the file, for errors.

    Returns:
        (H, W) uint8 or uint16.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is cut short, has several channels, or 8 bits where 16 are needed.
    """
    mend = f"; {hint}" if hint else ""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"label map {path} does not exist{mend}") from None
    if b"IEND" not in content[-64:]:  # OpenCV fills a cut file with zeros and says nothing
        raise ValueError(f"label map {path} is broken: no PNG, or cut short{mend}")
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError(f"label map {path} is broken{mend}")
    if values.ndim != 2:
        raise ValueError(
            f"label map {path} has {values.shape[2]} channels, expected one: colours are no labels{mend}"
        )
    if bits == 16 and values.dtype != np.uint16:
        raise ValueError(f"label map {path} has 8 bits a pixel, its classes need 16{mend}")
    return values


def write_label_map(path: Path, values: LabelMap) -> None:
    """Write uint8 or uint16 (H, W) under its name in one step."""
    is_encoded, content = cv2.imencode(".png", np.ascontiguousarray(values), COMPRESSION)
    assert is_encoded
    write_atomically(path, content.tobytes())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is whole under its name or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_values(
    values: LabelMap, *, num_classes: int, ignore_index: int, name: object, hint: str = ""
) -> None:
    """Raise ValueError where a value is neither a label nor the ignored one; says which and where.

    Args:
        values: (H, W).
        num_classes: labels are below it.
        ignore_index: value where nothing is known.
        name: of the file, for errors.
        hint: what makes the file, for errors.
    """
    wrong = (values >= num_classes) & (values != ignore_index)
    if wrong.any():
        row, column = (int(i[0]) for i in np.nonzero(wrong))
        raise ValueError(
            f"label map {name} has the value {int(values[row, column])} at row {row}, column {column};"
            f" expected 0..{num_classes - 1} or {ignore_index} (ignored): is it of this data set, and"
            " was it converted?" + (f" {hint[0].upper()}{hint[1:]}" if hint else "")
        )
