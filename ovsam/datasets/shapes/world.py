"""The procedural world: draws the objects of a picture of `shapes`.

A picture depends on (seed, split, index, size) only, not on the order of drawing or on processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.shapes import drawing
from ovsam.datasets.shapes.classes import CLASS_LOOKS, PLAIN_LOOKS, SEEN_LOOKS, Look
from ovsam.datasets.shapes.drawing import Placed

#: Raise it when the drawing changes: written data sets and released weights are compared by it.
WORLD_VERSION = 4
#: Side of a picture, px.
PICTURE_SIZE = 192
#: Of the 80 classes.
BENCHMARK_SPLITS = ("train", "val", "test")
#: `distill` is what SA-1B is at full size, `web` what CLIP and SAM were trained on. Things alone are for
#: tests of names (`single`). The last three are those of joint training: boxes, labels and their test.
SPLITS = (*BENCHMARK_SPLITS, "distill", "web", "single", "boxes", "labels", "probe")
NUM_OBJECTS_RANGE = (2, 7)
#: Radius of the circle around a shape, as a share of the picture's side; small objects are frequent.
RADIUS_RANGE = (0.12, 0.45)
MAX_ANGLE_DEGREES = 40.0
STRETCH_RANGE = (0.9, 1.1)
#: An object may be hidden to a quarter, some of them to a half.
MIN_VISIBLE_FRACTIONS = (0.75, 0.5)
HIDDEN_SHARE = 0.3
#: Share of the objects that have the look of an earlier one in the picture.
REPEATED_SHARE = 0.2
#: Places to try for an object before it is left out.
MAX_TRIES = 30

#: Share of the web's objects that are plain, and of its pictures that show one object only.
PLAIN_SHARE = 0.5
#: Side of a window of the web as a share of the scene's: a tenth of the area to all of it.
WINDOW_SIDE_RANGE = (0.32, 1.0)
#: A picture's caption names objects of which this share is seen, if they are this many px wide or more.
NAMED_FRACTION, NAMED_RADIUS = 0.6, 5.0
MAX_NAMED = 3

Window = tuple[float, float, float]  # left, top and side of what a picture shows, shares of the scene
WHOLE: Window = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Scene:
    """One picture and its n objects, farthest first."""

    image: NDArray[np.uint8]  # (S, S, 3) RGB
    looks: tuple[Look, ...]
    masks: NDArray[np.bool_]  # (n, S, S), the visible part of each object
    full_areas: NDArray[np.int64]  # (n,), px of each object including what nearer objects cover

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) in the order of `CLASS_NAMES`; KeyError where a look is no class of the benchmark."""
        return np.array([_LABELS[look] for look in self.looks], np.int64)

    @property
    def visible_fractions(self) -> NDArray[np.float64]:
        """(n,) visible share of each object's area, 0..1."""
        return self.masks.sum(axis=(1, 2)) / self.full_areas


@dataclass(frozen=True)
class WebPicture:
    """A picture as the web has them: what it shows is known from its caption only.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        looks: up to three things that its caption names, the largest first; at least one.
    """

    image: NDArray[np.uint8]
    looks: tuple[Look, ...]


_LABELS = {look: label for label, look in enumerate(CLASS_LOOKS)}


def draw_scene(
    *, seed: int, split: str, index: int, size: int = PICTURE_SIZE, looks: Sequence[Look] = ()
) -> Scene:
    """Draw picture `index` of a split of the world `seed`, both from 0, with sides of `size` px.

    Its objects are of the given looks, each as likely: if none are given, the benchmark's classes. In
    `distill` and `web` they are things of any look that is not held out, half of them plain.

    Raises:
        ValueError: unknown split, or a size below 32 px.
    """
    rng = _rng(seed, split, index, size)
    canvas = drawing.draw_background(rng, size)
    objects = _Objects(size)
    choice = looks or (CLASS_LOOKS if split in BENCHMARK_SPLITS else ())
    for _ in range(int(rng.integers(NUM_OBJECTS_RANGE[0], NUM_OBJECTS_RANGE[1] + 1))):
        look = objects.repeated(rng) or (_one_of(rng, choice) if choice else sample_web_look(rng))
        objects.add(rng, canvas, look, WHOLE)
    image = drawing.light_and_noise(canvas, rng)
    full_areas = np.array([int(placed.mask.sum()) for placed in objects.placed])
    return Scene(image, tuple(objects.looks), np.stack(objects.masks), full_areas)


def draw_web_picture(
    *,
    seed: int,
    index: int,
    size: int,
    single: bool,
    sides: tuple[float, float] = WINDOW_SIDE_RANGE,
    common_share: float = 0.0,
) -> WebPicture:
    """Draw picture `index` of the web: a window of a scene, or one object alone.

    Half of the objects are plain, the others have any pattern that is not held out.

    Args:
        size: side, px.
        single: show one object that fills most of the picture.
        sides: least and largest side of a window, as a share of the scene's.
        common_share: of the objects, so many look like one of the benchmark's classes.

    Raises:
        ValueError: size below 32 px.
    """
    rng = _rng(seed, "web", index, size)
    if single:
        return _draw_single(rng, size, sample_web_look(rng, common_share))
    while True:
        side = float(rng.uniform(*sides))
        left, top = rng.uniform(0, 1 - side, 2)
        canvas = drawing.draw_background(rng, size)
        objects = _Objects(size)
        for _ in range(int(rng.integers(NUM_OBJECTS_RANGE[0], NUM_OBJECTS_RANGE[1] + 1))):
            look = objects.repeated(rng) or sample_web_look(rng, common_share)
            objects.add(rng, canvas, look, (left, top, side))
        if named := objects.named():
            return WebPicture(drawing.light_and_noise(canvas, rng), named)


def _one_of(rng: np.random.Generator, looks: Sequence[Look]) -> Look:
    return looks[int(rng.integers(len(looks)))]


def sample_web_look(rng: np.random.Generator, common_share: float = 0.0) -> Look:
    """What an object of the web looks like; see `draw_web_picture`."""
    place = rng.random()
    if place < common_share:
        looks = CLASS_LOOKS
    elif place < common_share + (1 - common_share) * PLAIN_SHARE:
        looks = PLAIN_LOOKS
    else:
        looks = SEEN_LOOKS
    return looks[int(rng.integers(len(looks)))]


def _draw_single(rng: np.random.Generator, size: int, look: Look) -> WebPicture:
    canvas = drawing.draw_background(rng, size)
    radius = rng.uniform(0.28, 0.50)
    centre = 0.5 + rng.uniform(-0.06, 0.06, 2)
    placed = _shape_at(rng, look.shape, centre * size, radius * size, size)
    assert placed is not None
    drawing.paint(canvas, rng, placed, look)
    return WebPicture(drawing.light_and_noise(canvas, rng), (look,))


def draw_single(
    *, seed: int, index: int, size: int, look: Look, split: str = "single"
) -> NDArray[np.uint8]:
    """(size, size, 3) RGB, a picture of one object of a given look; `index` from 0."""
    return _draw_single(_rng(seed, split, index, size), size, look).image


def _rng(seed: int, split: str, index: int, size: int) -> np.random.Generator:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")
    if size < 32:
        raise ValueError(f"size must be 32 px or more (smaller shapes look alike), got {size}")
    return np.random.default_rng([seed, SPLITS.index(split), index])


def _shape_at(
    rng: np.random.Generator, shape: str, centre: NDArray, radius: float, size: int
) -> Placed | None:
    angle = np.radians(rng.uniform(-MAX_ANGLE_DEGREES, MAX_ANGLE_DEGREES))
    return drawing.place_shape(shape, centre, radius, angle, rng.uniform(*STRETCH_RANGE), size)


class _Objects:
    """The objects of one picture of side `size` px while it is drawn."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.looks: list[Look] = []
        self.masks: list[NDArray[np.bool_]] = []  # (S, S), what is seen of each so far
        self.placed: list[Placed] = []
        self.least: list[float] = []  # px of each that must stay visible

    def repeated(self, rng: np.random.Generator) -> Look | None:
        """The look of an earlier object, for some of the objects."""
        if self.looks and rng.random() < REPEATED_SHARE:
            return self.looks[int(rng.integers(len(self.looks)))]
        return None

    def add(self, rng: np.random.Generator, canvas: NDArray, look: Look, window: Window) -> None:
        """Draw an object at a place that leaves enough of every earlier one visible, if there is one."""
        left, top, side = window
        for _ in range(MAX_TRIES):
            low, high = np.log(RADIUS_RANGE)
            radius = float(np.exp(rng.uniform(low, high)))
            centre = (rng.uniform(radius, 1 - radius, 2) - (left, top)) / side * self.size
            placed = _shape_at(rng, look.shape, centre, radius / side * self.size, self.size)
            if placed is None:  # outside the window
                return
            covers = placed.mask
            seen = [np.count_nonzero(mask[placed.where] & ~covers) for mask in self.masks]
            outside = [
                np.count_nonzero(mask) - np.count_nonzero(mask[placed.where]) for mask in self.masks
            ]
            if all(a + b >= c for a, b, c in zip(seen, outside, self.least, strict=True)):
                break
        else:
            return
        for mask in self.masks:
            mask[placed.where] &= ~covers
        mask = np.zeros((self.size, self.size), bool)
        mask[placed.where] = covers
        drawing.paint(canvas, rng, placed, look)
        fraction = MIN_VISIBLE_FRACTIONS[int(rng.random() < HIDDEN_SHARE)]
        self.least.append(fraction * np.count_nonzero(covers))
        self.looks.append(look)
        self.masks.append(mask)
        self.placed.append(placed)

    def named(self) -> tuple[Look, ...]:
        """What a caption names."""
        seen = [int(mask.sum()) for mask in self.masks]
        found = [
            (area, look)
            for area, look, placed in zip(seen, self.looks, self.placed, strict=True)
            if placed.radius >= NAMED_RADIUS and area >= NAMED_FRACTION * placed.full_area
        ]
        found.sort(key=lambda entry: -entry[0])
        return tuple(dict.fromkeys(look for _, look in found))[:MAX_NAMED]
