"""Reads and writes label maps: PNG files with one channel of 8 or 16 bits."""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ovsam.datasets.pictures import MAX_PIXELS
from ovsam.datasets.semseg_specs import SemsegSpec

LabelMap = NDArray[np.integer]
PALETTE = 3  # PNG's kind of picture whose pixels are numbers of colours
COMPRESSION = [cv2.IMWRITE_PNG_COMPRESSION, 3]


def read_label_map(path: str | Path, *, bits: int = 8, hint: str = "") -> LabelMap:
    """The values (H, W) uint8 or uint16 of a PNG file as they are.

    Args:
        path: the file.
        bits: what the values need, 8 or 16; a file of 16 is read where 8 are enough.
        hint: what makes the file, for errors.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is cut short, has several channels, fewer than 8 bits a pixel and no palette,
            or 8 where 16 are needed; or more than `MAX_PIXELS`, found before it is decoded.
    """
    mend = f"; {hint}" if hint else ""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"label map {path} does not exist{mend}") from None
    if b"IEND" not in content[-64:]:  # OpenCV fills a cut file with zeros and says nothing
        raise ValueError(f"label map {path} is broken: no PNG, or cut short{mend}")
    num_bits, kind = content[24:26] if len(content) > 25 else (8, 0)  # of PNG's header
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    if width * height > MAX_PIXELS:
        raise ValueError(f"label map {path} has {width} x {height} px, allowed are {MAX_PIXELS:,}{mend}")
    if kind == PALETTE:  # OpenCV would return its colours
        try:
            return np.asarray(Image.open(io.BytesIO(content)))
        except (OSError, SyntaxError) as error:
            raise ValueError(f"label map {path} is broken: {error}{mend}") from None
    if num_bits < 8:
        raise ValueError(
            f"label map {path} has {num_bits} bits a pixel and no palette, which readers stretch to"
            f" 0..255; save it with 8 or 16{mend}"
        )
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


def read_labels(path: str | Path, spec: SemsegSpec, label_table: NDArray[Any] | None) -> NDArray[Any]:
    """(H, W) int64: labels and `spec.ignore_index` of a PNG file of the data set `spec`, checked.

    `label_table` has a new value of each label; None: all stay.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is broken, has too few bits, or a value that is none of the data set's.
    """
    values = read_label_map(path, bits=spec.bits, hint=spec.hint)
    if spec.values:
        table = np.full(1 << 16, -1)
        table[spec.ignore_value] = spec.ignore_index
        table[list(spec.values)] = np.arange(len(spec.values))
        labels = table[values]
        if (labels < 0).any():
            raise ValueError(
                f"label map {path} has the value {values[labels < 0][0]}, expected one of"
                f" {list(spec.values)} or {spec.ignore_value} (ignored); {spec.hint}"
            )
    else:
        limits = dict(num_classes=spec.num_classes, ignore_index=spec.ignore_index)
        check_values(values, **limits, name=path, hint=spec.hint)
        labels = values.astype(np.int64)
    if label_table is not None:
        is_known = labels != spec.ignore_index
        labels[is_known] = label_table[labels[is_known]]
    return labels


def check_not_binary(paths: Sequence[Path], *, passes_broken: bool = False) -> None:
    """Raise ValueError where some label maps hold 0 and 255 and nothing else, or are broken."""
    found: set[int] = set()
    for path in paths:
        with contextlib.suppress(*([ValueError] if passes_broken else [])):
            found.update(np.unique(read_label_map(path)).tolist())
    if found == {0, 255}:
        raise ValueError(
            f"label maps such as {paths[0]} hold 0 and 255 only: two classes, or one and unknown pixels?"
            " For two, name both and set values=[0, 255]; if 255 is unknown, set values=[0]"
        )


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
    """Raise ValueError where one of `values` (H, W) is neither a label nor the ignored one.

    The error says which and where in the file `name`, and the `hint` what makes the file.
    """
    wrong = (values >= num_classes) & (values != ignore_index)
    if wrong.any():
        row, column = (int(i[0]) for i in np.nonzero(wrong))
        raise ValueError(
            f"label map {name} has the value {int(values[row, column])} at row {row}, column {column};"
            f" expected 0..{num_classes - 1} or {ignore_index} (ignored): is it of this data set, and"
            " was it converted?" + (f" {hint[0].upper()}{hint[1:]}" if hint else "")
        )
