"""The procedural world: draws the objects of a picture of `shapes`.

A picture depends on (seed, split, index, size) only, not on the order of drawing or on processes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.shapes import drawing
from ovsam.datasets.shapes.classes import CLASS_NAMES, NUM_CLASSES

#: Raise it when the drawing changes: written data sets are compared by it.
WORLD_VERSION = 2
SPLITS = ("train", "val", "test", "distill")
NUM_OBJECTS_RANGE = (2, 6)
#: Radius of the circle around a shape, as a share of the image's side.
RADIUS_RANGE = (0.11, 0.235)
MAX_ANGLE_DEGREES = 40.0
STRETCH_RANGE = (0.9, 1.1)
MIN_VISIBLE_FRACTION = 0.75
#: Places to try for an object before it is left out (at most a few in a thousand are).
MAX_TRIES = 30


@dataclass(frozen=True)
class Scene:
    """One picture and its n objects, farthest first."""

    image: NDArray[np.uint8]  # (S, S, 3) RGB
    labels: NDArray[np.int64]  # (n,) in the order of `CLASS_NAMES`
    masks: NDArray[np.bool_]  # (n, S, S), the visible part of each object
    full_areas: NDArray[np.int64]  # (n,), px of each object including what nearer objects cover

    @property
    def visible_fractions(self) -> NDArray[np.float64]:
        """(n,) visible share of each object's area, 0..1."""
        return self.masks.sum(axis=(1, 2)) / self.full_areas


def draw_scene(*, seed: int, split: str, index: int, size: int = 128) -> Scene:
    """Draw picture `index` of a split of the world `seed`, both from 0, with sides of `size` px.

    Raises:
        ValueError: unknown split, or a size below 32 px.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")
    if size < 32:
        raise ValueError(f"size must be 32 px or more (smaller shapes look alike), got {size}")
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    canvas = drawing.draw_background(rng, size)
    labels: list[int] = []
    masks: list[NDArray[np.bool_]] = []
    full_areas: list[int] = []
    for _ in range(int(rng.integers(NUM_OBJECTS_RANGE[0], NUM_OBJECTS_RANGE[1] + 1))):
        label = int(rng.integers(NUM_CLASSES))
        colour, shape = CLASS_NAMES[label].split()
        placed = _place(rng, shape, size, masks, full_areas)
        if placed is None:
            continue
        where, coverage = placed
        mask = np.zeros((size, size), bool)
        mask[where] = coverage >= 0.5
        for earlier in masks:
            earlier[where] &= ~mask[where]
        drawing.paint(canvas, rng, where, coverage, drawing.sample_colour(rng, colour))
        labels.append(label)
        masks.append(mask)
        full_areas.append(int(mask[where].sum()))
    image = drawing.light_and_noise(canvas, rng)
    return Scene(image, np.array(labels), np.stack(masks), np.array(full_areas))


def _place(
    rng: np.random.Generator,
    shape: str,
    size: int,
    masks: list[NDArray[np.bool_]],
    full_areas: list[int],
) -> tuple | None:
    """A place inside the image that leaves enough of every earlier object visible."""
    for _ in range(MAX_TRIES):
        radius = rng.uniform(*RADIUS_RANGE)
        centre = rng.uniform(radius, 1 - radius, 2) * size
        angle = np.radians(rng.uniform(-MAX_ANGLE_DEGREES, MAX_ANGLE_DEGREES))
        stretch = rng.uniform(*STRETCH_RANGE)
        rows, columns, coverage = drawing.draw_coverage(
            shape, centre, radius * size, angle, stretch, size
        )
        covers = coverage >= 0.5
        if all(
            np.count_nonzero(mask) - np.count_nonzero(mask[rows, columns] & covers)
            >= MIN_VISIBLE_FRACTION * area
            for mask, area in zip(masks, full_areas, strict=True)
        ):
            return (rows, columns), coverage
    return None
