"""Decodes a picture file to RGB, whatever its kind."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def read_picture(path: str | Path, content: bytes | None = None) -> NDArray[np.uint8]:
    """Decode one picture. Its EXIF rotation is applied, so the frame `original` is the upright one.

    Grey pictures get three equal channels, 16 bits are cut to the upper 8, transparency is dropped,
    CMYK is converted.

    Args:
        path: file to read; only named in errors where `content` is given.
        content: the encoded bytes, if they are at hand.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is empty, truncated or no picture; the message names it.
    """
    if content is None:
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(f"image {path} does not exist") from None
        except IsADirectoryError:
            raise ValueError(f"image {path} is a folder") from None
    if not content or _is_truncated(content):
        raise ValueError(f"image {path} is broken: {'cut short' if content else 'an empty file'}")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ValueError(f"image {path} cannot be decoded: {error.err}") from None
    if picture is None:
        raise ValueError(f"image {path} is broken or no picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _is_truncated(content: bytes) -> bool:
    """Whether the end mark is missing: OpenCV fills a cut JPEG or PNG with grey and says nothing."""
    if content.startswith(b"\xff\xd8"):
        # Within coded pixels 0xFF is always followed by 0x00 or a restart mark.
        return content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content[-64:]
    return False
