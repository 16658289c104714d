"""How `shapes` looks: outlines, anti-aliased coverage, patterns, backgrounds, lighting and noise.

Pixels are float32 RGB 0..255. Sizes are px of the drawn image. Outlines lie in the unit circle, y down.
"""

import colorsys
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.shapes.classes import COLOURS, Look

Array = NDArray[np.float32]

#: Coverage is drawn on a grid this many times finer and averaged: 16 levels of edge opacity.
SUPERSAMPLING = 4
#: Fractional bits of cv2's fixed-point polygon corners.
SHIFT = 4
NOISE_STD_RANGE = (2.0, 6.0)


def _arc(radius: float, start: float, stop: float, centre: float = 0.0, count: int = 28) -> Array:
    angles = np.linspace(np.radians(start), np.radians(stop), count)
    return np.stack([centre + radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _polar(radii: list[float], start: float) -> Array:
    angles = np.radians(start) + np.arange(len(radii)) * 2 * np.pi / len(radii)
    return np.stack([np.array(radii) * np.cos(angles), np.array(radii) * np.sin(angles)], axis=1)


def _heart() -> Array:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    points = np.stack([x, y - 2.5], axis=1)  # so that tip and lobes are equally far from the centre
    return points / np.linalg.norm(points, axis=1).max()


def _crescent() -> Array:
    # The inner circle meets the outer one at +-50 degrees: a moon open to the right.
    outer = _arc(0.98, 50, 310, count=40)
    x, y = outer[0][0] - 0.52, outer[0][1]
    half = float(np.degrees(np.arctan2(y, x)))
    inner = _arc(float(np.hypot(x, y)), 360 - half, half, centre=0.52, count=30)
    return np.concatenate([outer, inner]) - np.array([0.2, 0.0])


def _petals() -> Array:
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radii = 0.46 + 0.50 * np.abs(np.cos(2.5 * angles))  # five petals
    return np.stack([radii * np.sin(angles), -radii * np.cos(angles)], axis=1)


def _fish() -> Array:
    # An oval body, and a tail whose corners lie behind it on the left.
    body = _arc(1.0, -157, 157, count=36) * (0.66, 0.46) + np.array([0.30, 0.0])
    return np.concatenate([body, [(-0.92, 0.50), (-0.72, 0.0), (-0.92, -0.50)]])


def _cross(w: float) -> Array:
    corners = [(w, 1), (w, w), (1, w), (1, -w), (w, -w), (w, -1)]
    return np.array(corners + [(-x, -y) for x, y in corners]) * 0.96


#: Contours of every shape; the second contour of a pair is a hole.
OUTLINES: dict[str, list[Array]] = {
    "circle": [_arc(0.90, 0, 351, count=40)],
    "square": [np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.74],
    "triangle": [_polar([1.0, 1.0, 1.0], -90) + np.array([0.0, 0.12])],
    "star": [_polar([1.0, 0.42] * 5, -90)],
    "cross": [_cross(0.30)],
    "ring": [_arc(0.94, 0, 351, count=40), _arc(0.52, 0, 351, count=40)],
    "heart": [_heart()],
    "crescent": [_crescent()],
    "bar": [np.array([(-1, -0.27), (1, -0.27), (1, 0.27), (-1, 0.27)]) * 0.97],
    "arrow": [
        np.array([(-1, -0.24), (0.0, -0.24), (0.0, -0.72), (1, 0), (0.0, 0.72), (0.0, 0.24), (-1, 0.24)])
    ],
    "gear": [_polar([0.96, 0.96, 0.70, 0.70] * 8, -96), _arc(0.30, 0, 351, count=24)],
    "drop": [np.concatenate([_arc(0.62, -25, 205, count=32) + np.array([0.0, 0.36]), [(0.0, -0.98)]])],
    "bolt": [
        np.array(
            [
                (-0.10, -0.95),
                (0.50, -0.95),
                (0.14, -0.22),
                (0.56, -0.22),
                (-0.34, 0.97),
                (-0.06, 0.16),
                (-0.50, 0.16),
            ]
        )
    ],
    "house": [
        np.array(
            [
                (0.0, -0.95),
                (0.92, -0.10),
                (0.64, -0.10),
                (0.64, 0.74),
                (-0.64, 0.74),
                (-0.64, -0.10),
                (-0.92, -0.10),
            ]
        ),
        np.array([(-0.18, 0.18), (0.18, 0.18), (0.18, 0.72), (-0.18, 0.72)]),
    ],
    "flower": [_petals()],
    "diamond": [np.array([(0, -0.98), (0.56, 0), (0, 0.98), (-0.56, 0)])],
    "fish": [_fish()],
    "hourglass": [
        np.array([(-0.66, -0.72), (0.66, -0.72), (0.12, 0.0), (0.66, 0.72), (-0.66, 0.72), (-0.12, 0.0)])
    ],
    "tree": [
        np.array(
            [
                (0, -0.98),
                (0.48, -0.28),
                (0.28, -0.28),
                (0.74, 0.46),
                (0.16, 0.46),
                (0.16, 0.92),
                (-0.16, 0.92),
                (-0.16, 0.46),
                (-0.74, 0.46),
                (-0.28, -0.28),
                (-0.48, -0.28),
            ]
        )
    ],
    "mushroom": [
        np.concatenate(
            [_arc(0.94, 180, 360, count=28), [(0.26, 0.04), (0.26, 0.74), (-0.26, 0.74), (-0.26, 0.04)]]
        )
    ],
}


class Placed(NamedTuple):
    """One shape where it lies in the picture.

    Attributes:
        where: rows and columns of its patch, cut off at the picture's border.
        coverage: (h, w) float32 0..1 there.
        centre: (2,) xy px of the picture; it may lie outside.
        radius: of the circle around the outline, px.
        full_area: px that the outline encloses, in and outside the picture.
    """

    where: tuple[slice, slice]
    coverage: Array
    centre: Array
    radius: float
    full_area: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(h, w), where the shape covers at least half of a pixel."""
        return self.coverage >= 0.5


def place_shape(
    shape: str, centre: Array, radius: float, angle: float, stretch: float, size: int
) -> Placed | None:
    """Draw the coverage of one shape (a key of `OUTLINES`) in a picture of side `size` px.

    cv2 fills every fine pixel that the outline touches, so the coverage reaches about 1/8 px beyond it.

    Args:
        centre: (2,) xy px.
        radius: of the circle around the outline, px.
        angle: clockwise, radians.
        stretch: factor on the outline's own x axis before it is turned.

    Returns:
        None if it lies outside the picture.
    """
    cos, sin = radius * np.cos(angle), radius * np.sin(angle)
    turn = np.array([[cos * stretch, sin * stretch], [-sin, cos]])
    contours = [outline @ turn + centre for outline in OUTLINES[shape]]  # (K, 2) xy px
    left, top = np.maximum(np.floor(contours[0].min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(contours[0].max(axis=0)).astype(int), size)
    if left >= right or top >= bottom:
        return None
    fine = np.zeros(((bottom - top) * SUPERSAMPLING, (right - left) * SUPERSAMPLING), np.uint8)
    # cv2 has whole numbers at pixel centres; our pixel i covers [i, i + 1).
    scale = SUPERSAMPLING * (1 << SHIFT)
    corners = [np.round((c - (left, top)) * scale - (1 << SHIFT) / 2).astype(np.int32) for c in contours]
    cv2.fillPoly(fine, corners, 255, shift=SHIFT)
    coverage = cv2.resize(fine, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    outer, *holes = [cv2.contourArea(contour.astype(np.float32)) for contour in contours]
    return Placed(
        where=(slice(top, bottom), slice(left, right)),
        coverage=coverage.astype(np.float32) / 255,
        centre=centre,
        radius=radius,
        full_area=outer - sum(holes),
    )


def sample_colour(rng: np.random.Generator, colour: str) -> Array:
    """(3,) RGB 0..255 of one object, near its named colour."""
    hue, saturation, value = COLOURS[colour]
    jitter = rng.uniform(-1, 1, 3)
    rgb = colorsys.hsv_to_rgb(
        (hue + 6 * jitter[0]) % 360 / 360,
        float(np.clip(saturation + 0.08 * jitter[1], 0, 1)),
        float(np.clip(value + 0.08 * jitter[2], 0, 1)),
    )
    return np.array(rgb, np.float32) * 255


@lru_cache(maxsize=8)
def _grid(size: int) -> tuple[Array, Array]:
    axis = np.arange(size, dtype=np.float32)
    return axis[None, :], axis[:, None]  # x (1, size), y (size, 1)


def _texture(rng: np.random.Generator, height: int, width: int, period: tuple[float, float]) -> Array:
    """(height, width) float32 in [-1, 1]: stripes, checks, dots, a ramp or soft blotches."""
    x, y = (axis[:height, :width] for axis in _grid(max(height, width)))
    kind, turn, phase = rng.integers(5), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    frequency = 2 * np.pi / rng.uniform(*period)
    if kind == 4:
        cells = rng.uniform(-1, 1, (int(rng.integers(3, 7)), int(rng.integers(3, 7)))).astype(np.float32)
        return cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    across = (np.float32(np.cos(turn)) * x + np.float32(np.sin(turn)) * y) * np.float32(frequency)
    if kind == 0:  # stripes
        return np.sign(np.sin(across + np.float32(phase)))
    if kind == 3:  # ramp
        low = across.min()
        return (across - low) * np.float32(2 / max(float(across.max() - low), 1e-3)) - 1
    along = (np.float32(np.cos(turn)) * y - np.float32(np.sin(turn)) * x) * np.float32(frequency)
    product = np.sin(across) * np.sin(along + np.float32(phase))
    if kind == 1:  # checks
        return np.sign(product)
    return np.where(product > 0.35, np.float32(1), np.float32(-0.6))  # dots


def _zigzag(x: Array) -> Array:
    """A triangle wave of period 2 pi between -1 and 1."""
    return np.abs((x / np.pi) % 2 - 1) * 2 - 1


#: Height of each pattern at (u, v), radii from the object's centre; its second colour is where the
#: height is positive. `edges` depends on the outline and is not here.
PATTERNS: dict[str, Callable[[Array, Array], Array]] = {
    "stripes": lambda u, v: np.sin(11 * u),
    "checks": lambda u, v: np.sin(8 * u) * np.sin(8 * v) * 2,
    "dots": lambda u, v: np.cos(11 * u) + np.cos(11 * v) - 0.75,
    "waves": lambda u, v: np.sin(11 * v + 1.6 * np.sin(7 * u)),
    "zigzags": lambda u, v: np.sin(11 * v + 2.6 * _zigzag(12 * u)),
    "rays": lambda u, v: np.sin(5 * np.arctan2(v, u)),
    "hoops": lambda u, v: np.cos(13 * np.hypot(u, v)),
    "mesh": lambda u, v: (np.maximum(np.cos(11 * u), np.cos(11 * v)) - 0.80) * 4,
}
EDGE_WIDTH = 0.13  # of `edges`, as a share of the radius
SHARPNESS = 0.12  # of a pattern's border: its opacity rises by this share of the radius in px


def draw_pattern(rng: np.random.Generator, pattern: str, placed: Placed) -> Array:
    """Opacity (h, w) float32 0..1 of the pattern's second colour on the patch of an object."""
    rows, columns = placed.where
    turn, (shift_u, shift_v) = rng.uniform(0, 2 * np.pi), rng.uniform(-0.2, 0.2, 2)
    if pattern == "edges":
        inside = np.pad(placed.mask.astype(np.uint8), 1)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[1:-1, 1:-1]
        return np.clip(EDGE_WIDTH * placed.radius + 1 - depth, 0, 1)
    x = (np.arange(columns.start, columns.stop) + 0.5 - placed.centre[0]) / placed.radius
    y = (np.arange(rows.start, rows.stop) + 0.5 - placed.centre[1]) / placed.radius
    x, y = x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u = cos * x + sin * y + np.float32(shift_u)
    v = cos * y - sin * x + np.float32(shift_v)
    return np.clip(0.5 + PATTERNS[pattern](u, v) * np.float32(SHARPNESS * placed.radius), 0, 1)


def paint(canvas: Array, rng: np.random.Generator, placed: Placed, look: Look) -> None:
    """Draw one object over the canvas (S, S, 3) float32 RGB 0..255, in place.

    Its shade varies a little over it; that is no pattern, as it has no second colour.
    """
    size = canvas.shape[0]
    depth = np.float32(rng.uniform(0.0, 0.15))
    texture = 1 + depth * _texture(rng, *placed.coverage.shape, (size / 24, size / 9))
    colours = sample_colour(rng, look.colour)[None, None]
    if look.pattern:
        second = sample_colour(rng, look.second)
        colours = colours + draw_pattern(rng, look.pattern, placed)[..., None] * (second - colours)
    region = canvas[placed.where]
    region += placed.coverage[..., None] * (texture[..., None] * colours - region)


def draw_background(rng: np.random.Generator, size: int) -> Array:
    """(size, size, 3) float32: two muted colours mixed by a pattern, under soft blotches."""
    hues, saturations = rng.uniform(0, 1, 2), rng.uniform(0.0, 0.28, 2)
    values = rng.uniform(0.15, 0.80, 2)
    colours = [colorsys.hsv_to_rgb(*hsv) for hsv in zip(hues, saturations, values, strict=True)]
    first, second = np.array(colours, np.float32) * 255
    mix = 0.5 + 0.22 * _texture(rng, size, size, (size / 16, size / 3))
    cells = rng.uniform(-22, 22, (6, 6, 3)).astype(np.float32)
    canvas = cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC)
    canvas += first + mix[..., None] * (second - first)
    return canvas


def light_and_noise(canvas: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(S, S, 3) float32 -> uint8 under a linear light, with Gaussian noise."""
    size = canvas.shape[0]
    x, y = _grid(size)
    turn = rng.uniform(0, 2 * np.pi)
    strength, exposure = rng.uniform(0.0, 0.25), rng.uniform(0.85, 1.10)
    ramp = (np.cos(turn) * (x / size - 0.5) + np.sin(turn) * (y / size - 0.5)).astype(np.float32)
    canvas *= (exposure * (1 + 2 * strength * ramp)).astype(np.float32)[..., None]
    noise = rng.standard_normal(canvas.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(*NOISE_STD_RANGE))
    noise += canvas
    np.clip(noise, 0, 255, out=noise)
    return noise.astype(np.uint8)
