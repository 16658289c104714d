"""Pictures that visitors have opened; the newest are kept, up to so many bytes."""

import hashlib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHOWN_SIDES = 640, 1280  # px of the longer side of a shown picture, at least and at most


@dataclass(frozen=True)
class Picture:
    """An opened picture; `PictureStore` has its pixels.

    Attributes:
        name: what downloads are called after.
        size: (H, W) px.
        key: sha256 (hex) of the pixels.
    """

    name: str
    size: tuple[int, int]
    key: str

    @property
    def shown_side(self) -> int:
        """Longer side of the shown picture, px."""
        return int(np.clip(max(self.size), *SHOWN_SIDES))

    def from_shown(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of the picture at a place (x, y) of the shown one."""
        scale = max(self.size) / self.shown_side
        height, width = self.size
        return min(int(x * scale), width - 1), min(int(y * scale), height - 1)


class PictureStore:
    """Pixels by picture; may be used from several threads.

    Args:
        max_bytes: of all pictures together, without those that are always kept. The newest one is kept
            in any case.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._always: dict[str, NDArray[np.uint8]] = {}
        self._newest: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, array: NDArray[np.uint8], name: str, *, always: bool = False) -> Picture:
        """Keep pixels (H, W, 3) uint8 RGB; `always` = as long as the store."""
        array = np.ascontiguousarray(array)
        digest = hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()
        safe = re.sub(r"[^\w-]+", "_", name.rpartition(".")[0] or name)[:60].strip("_")
        with self._lock:
            if always:
                self._always[digest] = array
            elif digest not in self._always:
                self._newest[digest] = array
                self._newest.move_to_end(digest)
                while len(self._newest) > 1 and self.num_bytes > self.max_bytes:
                    self._newest.popitem(last=False)
        return Picture(safe or "picture", (int(array.shape[0]), int(array.shape[1])), digest)

    def pixels(self, picture: Picture) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB.

        Raises:
            ValueError: others have opened so much since that it is no longer kept.
        """
        with self._lock:
            if picture.key in self._always:
                return self._always[picture.key]
            if picture.key not in self._newest:
                raise ValueError("the server keeps this picture no longer; open it again")
            self._newest.move_to_end(picture.key)
            return self._newest[picture.key]

    @property
    def num_bytes(self) -> int:
        """Of all pictures that are not always kept."""
        return sum(array.nbytes for array in self._newest.values())
