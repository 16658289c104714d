"""Draws masks, boxes, points and names on images.

The colours are those of Okabe and Ito, which people tell apart with any colour vision. Right and wrong
differ by a sign and by the outline, not by colour alone. The picture is enlarged first, so that names
are legible on the miniature's 128-px images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: Okabe and Ito (2008), without black and grey, RGB.
PALETTE = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)
INK, PAPER = (20, 20, 20), (255, 255, 255)
SIDE = 320  # px of the longer side of a panel
FILL = 0.25  # weight of a mask's colour: what it covers keeps its own colour visible
FONT_SIZE = 13
GAP = 6  # px between panels
TITLE_HEIGHT = 22
RIGHT, WRONG = "✓", "✗"


@dataclass(frozen=True)
class Objects:
    """n things to draw on one image of size (H, W)."""

    masks: np.ndarray | None = None  # (n, H, W) bool, original frame, or None
    boxes: np.ndarray | None = None  # (n, 4) xyxy px, original frame; rows of NaN are not drawn; or None
    # n arrays (k, 3): x, y px in the original frame and 1 (inside) or 0 (outside); or None
    points: Sequence[np.ndarray] | None = None
    names: Sequence[str] | None = None  # n texts, empty for none; or None
    # n times whether the name is right, or None where there is no right name
    is_right: Sequence[bool] | None = None

    def __len__(self) -> int:
        for rows in (self.masks, self.boxes, self.points, self.names):
            if rows is not None:
                return len(rows)
        return 0

    def is_wrong(self, index: int) -> bool:
        """Whether the name of an object is known to be wrong."""
        return self.is_right is not None and not self.is_right[index]

    def has_box(self, index: int) -> bool:
        """Whether an object has a box to draw."""
        return self.boxes is not None and bool(np.isfinite(self.boxes[index]).all())


def draw_objects(image: np.ndarray, objects: Objects, side: int = SIDE) -> np.ndarray:
    """Draw on an enlarged (or reduced) copy of the image (H, W, 3) uint8 RGB.

    Returns:
        (h, w, 3) uint8 RGB whose longer side has `side` px.

    Raises:
        ValueError: an image or masks of another kind or size.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}")
    if objects.masks is not None and objects.masks.shape[1:] != image.shape[:2]:
        raise ValueError(f"masks are {objects.masks.shape[1:]}, the image is {image.shape[:2]}")
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    if objects.masks is not None:
        for index, mask in enumerate(objects.masks):
            _draw_mask(canvas, mask, PALETTE[index % len(PALETTE)], dashed=objects.is_wrong(index))
    for index in range(len(objects)):
        colour = PALETTE[index % len(PALETTE)]
        if objects.has_box(index):
            x0, y0, x1, y1 = (round(float(value)) for value in objects.boxes[index] * scale)
            cv2.rectangle(canvas, (x0, y0), (x1, y1), PAPER, 4)
            cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, 2)
        if objects.points is not None:
            for x, y, inside in objects.points[index]:
                _draw_point(canvas, (x * scale, y * scale), colour, is_inside=bool(inside))
    return _draw_names(canvas, objects, scale)


def shortened(name: str, letters: int = 40) -> str:
    """A name that fits into a picture."""
    return name if len(name) <= letters else name[: letters - 1] + "…"


def panel(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> np.ndarray:
    """Pictures (h, w_i, 3) uint8 RGB side by side, a title of TITLE_HEIGHT px over each."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + GAP * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, height + TITLE_HEIGHT), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    left = 0
    for picture, title in zip(pictures, titles, strict=True):
        sheet.paste(Image.fromarray(picture), (left, TITLE_HEIGHT))
        pen.text((left + 2, 2), title, font=font(), fill=INK)
        left += picture.shape[1] + GAP
    return np.asarray(sheet)


def _draw_mask(canvas: np.ndarray, mask: np.ndarray, colour: tuple[int, ...], *, dashed: bool) -> None:
    """Fill and outline in place; a wrong one has a dashed outline."""
    height, width = canvas.shape[:2]
    large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    canvas[large] = (canvas[large] * (1 - FILL) + np.array(colour) * FILL).astype(np.uint8)
    # Dashes are counted in pixels of the outline; a whole one needs its corners only.
    chain = cv2.CHAIN_APPROX_NONE if dashed else cv2.CHAIN_APPROX_SIMPLE
    outlines, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_LIST, chain)
    cv2.drawContours(canvas, outlines, -1, PAPER, 3, cv2.LINE_AA)
    if not dashed:
        cv2.drawContours(canvas, outlines, -1, colour, 2, cv2.LINE_AA)
        return
    for outline in outlines:
        for start in range(0, len(outline), 14):
            cv2.polylines(canvas, [outline[start : start + 8]], False, INK, 2, cv2.LINE_AA)


def _draw_point(
    canvas: np.ndarray, point: tuple[float, float], colour: tuple[int, ...], *, is_inside: bool
) -> None:
    centre = (round(point[0]), round(point[1]))
    if is_inside:
        cv2.circle(canvas, centre, 8, INK, -1, cv2.LINE_AA)
        cv2.circle(canvas, centre, 6, PAPER, -1, cv2.LINE_AA)
        cv2.circle(canvas, centre, 4, colour, -1, cv2.LINE_AA)
        return
    for width, ink in ((6, PAPER), (3, INK)):
        cv2.drawMarker(canvas, centre, ink, cv2.MARKER_TILTED_CROSS, 14, width, cv2.LINE_AA)


def _draw_names(canvas: np.ndarray, objects: Objects, scale: float) -> np.ndarray:
    if objects.names is None:
        return canvas
    drawn = Image.fromarray(canvas)
    pen = ImageDraw.Draw(drawn)
    taken: list[tuple[float, float, float, float]] = []
    for index, name in enumerate(objects.names):
        if not name:
            continue
        if objects.is_right is not None:
            name = f"{WRONG if objects.is_wrong(index) else RIGHT} {name}"
        x, y = _anchor(objects, index)
        width = pen.textlength(name, font=font()) + 6
        height = FONT_SIZE + 5
        left = min(max(x * scale, 0), max(canvas.shape[1] - width, 0))
        top = _free_place(left, min(max(y * scale - height, 0), canvas.shape[0] - height), width, taken)
        taken.append((left, top, left + width, top + height))
        pen.rectangle((left, top, left + width, top + height), fill=PAPER)
        pen.rectangle((left, top, left + 3, top + height), fill=PALETTE[index % len(PALETTE)])
        pen.text((left + 5, top + 1), name, font=font(), fill=INK)
    return np.asarray(drawn)


def _anchor(objects: Objects, index: int) -> tuple[float, float]:
    """Left and top of an object, original frame."""
    if objects.masks is not None and objects.masks[index].any():
        rows, columns = np.nonzero(objects.masks[index])
        return float(columns.min()), float(rows.min())
    if objects.has_box(index):
        return float(objects.boxes[index][0]), float(objects.boxes[index][1])
    return 0.0, 0.0


def _free_place(left: float, top: float, width: float, taken: Sequence[tuple[float, ...]]) -> float:
    """Move a name down until it covers no other; a crowded image may keep some overlap."""
    height = FONT_SIZE + 5
    for _ in range(len(taken) + 1):
        beside = [box for box in taken if left < box[2] and left + width > box[0]]
        hit = [box for box in beside if top < box[3] and top + height > box[1]]
        if not hit:
            break
        top = max(box[3] for box in hit) + 1
    return top


@cache
def font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib ships: it has the signs for right and wrong."""
    # Found without importing matplotlib, which takes a quarter of a second.
    file = distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(str(file), FONT_SIZE)
