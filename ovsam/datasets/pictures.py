"""Finds a picture file and decodes it to RGB, whatever its kind; decides in which frame."""

import io
import logging
import math
import os
import unicodedata
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ovsam.interfaces import Size

#: Pixels that a picture may have: what a 100-megapixel camera takes.
MAX_PIXELS = 100_000_000
MAX_BYTES = 1 << 30  # of a picture's file, more than so many pixels of 16 bits take unpacked
EXIF_ORIENTATION = 0x0112  # a tag: 1 = as stored
TIFF_MARKS = (b"II*\0", b"MM\0*")  # the one kind with levels of other types than whole numbers


def as_picture(image: Any, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """A picture of any kind as upright (H, W, 3) uint8 RGB, in new memory or the read-only input itself.

    Args:
        image: path; encoded bytes; PIL image of any mode (its EXIF rotation is applied, transparency
            dropped); array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) RGB of uint8, uint16 (cut to the
            upper 8 bits) or bool.
        max_pixels: larger pictures are refused, files before they are decoded.

    Raises:
        FileNotFoundError: no such file.
        ValueError: too large, empty, broken, or no picture.
        TypeError: none of these kinds.
    """
    if isinstance(image, str) and "://" in image:
        raise ValueError(f"image {image} is an address: download the picture, and give the file")
    if isinstance(image, (str, Path)):
        return read_picture(image, max_pixels=max_pixels)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return read_picture("given as bytes", bytes(image), max_pixels=max_pixels)
    if isinstance(image, Image.Image):
        _check_size(image.size[::-1], max_pixels, "image")
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I") or upright.mode == "F":
            return _array_as_picture(_deep_levels(upright), max_pixels)
        if upright.mode != "RGB":
            upright = upright.convert("RGBA" if upright.mode == "PA" else "RGB").convert("RGB")
        return _array_as_picture(np.asarray(upright), max_pixels)
    if hasattr(image, "__array__"):
        return _array_as_picture(np.asarray(image), max_pixels)
    raise TypeError(f"image must be a path, bytes, a PIL image or an array, got {type(image).__name__}")


def picture_path(folder: Path, name: str) -> Path:
    """Where the picture lies that an annotation file names; it may have Windows' separators."""
    path = folder / name
    return folder / name.replace("\\", "/") if "\\" in name and not path.is_file() else path


def read_entry(entry: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The picture of an entry of a data set, (H, W, 3) uint8 RGB, in the frame of its annotations."""
    size = (entry["height"], entry["width"]) if "height" in entry else None
    if size is None and "label_path" in entry and Path(entry["label_path"]).is_file():
        with Image.open(entry["label_path"]) as label_map:
            size = label_map.size[::-1]
    return read_picture(entry["img_path"], entry.get("img_bytes"), size=size)


def read_picture(
    path: str | Path,
    content: bytes | None = None,
    max_pixels: int = MAX_PIXELS,
    size: Size | None = None,
) -> NDArray[np.uint8]:
    """Decode one picture to (H, W, 3) uint8 RGB, upright unless its annotations say otherwise.

    Grey pictures get three equal channels, 16 bits are cut to the upper 8, transparency is dropped,
    CMYK is converted, and EXIF's rotation applied.

    Args:
        path: file to read; only named in errors where `content` is given.
        content: the encoded bytes, if they are at hand.
        max_pixels: refuse larger pictures before they are decoded.
        size: (h, w) that its annotations are for. A picture that has it as it is stored is returned as
            it is stored, as COCO's tools do, also where both frames have it; the log counts them.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is empty, truncated, no picture or too large; the message names it.
    """
    if content is None:
        content = _content(Path(path))
    if not content or _is_truncated(content):
        raise ValueError(f"image {path} is broken: {'cut short' if content else 'an empty file'}")
    _check_header(content, max_pixels, f"image {path}")
    encoded = np.frombuffer(content, np.uint8)
    try:
        if content[:4] in TIFF_MARKS:  # OpenCV would cut levels of 0..1 down to black and say nothing
            levels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
            if levels is not None and levels.dtype not in (np.uint8, np.uint16):
                raise ValueError(
                    f"image {path} has levels of type {levels.dtype}; save it with 8 or 16 bits per"
                    " channel"
                )
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ValueError(f"image {path} cannot be decoded: {error.err}") from None
    if picture is None:
        raise ValueError(f"image {path} is broken or no picture")
    is_webp = content[8:12] == b"WEBP"
    orientation = _orientation(content) if is_webp or size is not None else 1
    if orientation > 1:
        stored = cv2.imdecode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if is_webp:  # OpenCV does not turn it
            picture = _turned(stored, orientation)
        if content[:4] in TIFF_MARKS:  # OpenCV turns it in any case
            stored = _turned(picture, {6: 8, 8: 6}.get(orientation, orientation))
        if size is not None:
            picture = _in_frame_of(size, picture, stored, path)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _content(path: Path) -> bytes:
    try:
        num_bytes = path.stat().st_size
        if num_bytes > MAX_BYTES:
            raise ValueError(f"image {path} has {num_bytes:,} bytes, allowed are {MAX_BYTES:,}")
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"image {path} does not exist{_similar(path)}") from None
    except IsADirectoryError:
        raise ValueError(f"image {path} is a folder") from None


def _orientation(content: bytes) -> int:
    """EXIF's tag, 1..8; 1 = upright as it is stored, 5..8 = on its side."""
    is_marked = any(mark in content for mark in (b"Exif", b"eXIf", b"EXIF"))  # JPEG, PNG, WebP
    if not is_marked and content[:4] not in TIFF_MARKS:
        return 1
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return int(opened.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # a broken tag turns nothing
        return 1


def _turned(picture: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """What EXIF's tag makes of a picture (H, W, 3)."""
    if orientation >= 5:
        picture = picture.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    return np.ascontiguousarray(picture[:, ::-1] if orientation in (2, 3, 6, 7) else picture)


_NUM_STORED: Counter[str] = Counter()  # what the log has counted in this process


def _in_frame_of(
    size: Size, upright: NDArray[np.uint8], stored: NDArray[np.uint8], path: str | Path
) -> NDArray[np.uint8]:
    """The picture as it is stored where that has the size of its annotations, else upright; BGR."""
    if stored.shape[:2] != tuple(size):
        return upright
    fits = "both frames" if upright.shape == stored.shape else "the stored frame only"
    _NUM_STORED[fits] += 1
    if math.log10(_NUM_STORED[fits]).is_integer():  # at 1, 10, 100, ...
        print_log(
            f"image {path}: EXIF turns it, its annotations fit {fits}, so it is read as stored"
            f" ({_NUM_STORED[fits]:,} such pictures so far)",
            "current",
            logging.WARNING,
        )
    return stored


def _similar(path: Path) -> str:
    """Names the files beside a missing one that differ from it by case, ending or folder only."""
    folder = next((parent for parent in path.parents if parent.is_dir()), None)
    if folder is None:
        return ""

    def plain(name: str) -> str:
        return unicodedata.normalize("NFC", Path(name).stem).casefold()

    names = [name for name in sorted(os.listdir(folder)) if plain(name) == plain(path.name)]
    return f"; {folder} has {', '.join(names)}: mend the name in the annotations" if names else ""


def _is_truncated(content: bytes) -> bool:
    """Whether the end mark is missing: OpenCV fills a cut JPEG or PNG with grey and says nothing."""
    if content.startswith(b"\xff\xd8"):
        # Within coded pixels 0xFF is always followed by 0x00 or a restart mark.
        return content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content[-64:]
    return False


def _check_header(content: bytes, max_pixels: int, name: str) -> None:
    """Refuse a size that only the header has told yet, and what has no header that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as opened:
                size = opened.size[::-1]
    except Image.DecompressionBombError:
        pillow_limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        if max_pixels <= pillow_limit:
            raise ValueError(
                f"{name} has more than {pillow_limit:,} px, allowed are {max_pixels:,}; make it smaller"
                " first"
            ) from None
        return
    except Exception:  # OpenCV would decode some of these: with a wrong checksum, or Radiance's kind
        raise ValueError(
            f"{name} is broken or no picture, or Pillow cannot read how large it is; save it as PNG"
            " with 8 or 16 bits per channel"
        ) from None
    _check_size(size, max_pixels, name)


def _check_size(size: tuple[int, int], max_pixels: int, name: str) -> None:
    if size[0] * size[1] > max_pixels:
        raise ValueError(
            f"{name} has {size[1]} x {size[0]} px, allowed are {max_pixels:,} px in all; make it smaller"
            " first"
        )


def _deep_levels(image: Image.Image) -> NDArray[np.generic]:
    """Grey levels of more than 8 bits, as uint16."""
    levels = np.asarray(image)
    if image.mode == "F" or levels.min() < 0 or levels.max() > 65535:
        raise ValueError(f"a picture of mode {image.mode} must have levels 0..65535; convert it to RGB")
    return levels.astype(np.uint16)


def _array_as_picture(array: NDArray[Any], max_pixels: int) -> NDArray[np.uint8]:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(f"an array must be (H, W), (H, W, 3) or (H, W, 4) RGB, got {array.shape}")
    if array.size == 0:
        raise ValueError(f"an array must have pixels, got {array.shape}")
    _check_size(array.shape[:2], max_pixels, "array")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise ValueError(
            f"an array must be uint8 with levels 0..255, got {array.dtype}; for levels 0..1 multiply by"
            " 255 and convert"
        )
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return array[..., :3]
