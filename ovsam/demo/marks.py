"""The marks of a visitor on a picture: clicks and a box, with undo."""

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["object", "not this", "corner"]
KINDS: tuple[Kind, ...] = ("object", "not this", "corner")


@dataclass(frozen=True)
class Marks:
    """Clicks in the order they came. Two corners make a box; the newest box counts.

    Attributes:
        clicks: (x, y, kind), px of the picture.

    Example:
        >>> marks = Marks().add(5, 6, "object").add(20, 9, "corner").add(2, 1, "corner")
        >>> marks.box, marks.undone().open_corner
        ((2, 1, 20, 9), (20, 9))
        >>> marks.points, marks.labels
        ([(5, 6)], [1])
    """

    clicks: tuple[tuple[float, float, Kind], ...] = ()

    def add(self, x: float, y: float, kind: Kind) -> "Marks":
        """Add a click."""
        return replace(self, clicks=(*self.clicks, (x, y, kind)))

    def undone(self) -> "Marks":
        """Remove the last click."""
        return replace(self, clicks=self.clicks[:-1])

    @property
    def points(self) -> list[tuple[float, float]]:
        """Clicks on the object and outside it."""
        return [(x, y) for x, y, kind in self.clicks if kind != "corner"]

    @property
    def labels(self) -> list[int]:
        """1 on the object, 0 outside it, for each of `points`."""
        return [int(kind == "object") for _, _, kind in self.clicks if kind != "corner"]

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The newest complete box, xyxy, whichever two corners were clicked."""
        corners = self._corners()
        if len(corners) < 2:
            return None
        (x0, y0), (x1, y1) = corners[len(corners) // 2 * 2 - 2 :][:2]
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    @property
    def open_corner(self) -> tuple[float, float] | None:
        """The first corner of a box whose second is missing."""
        corners = self._corners()
        return corners[-1] if len(corners) % 2 else None

    @property
    def is_prompt(self) -> bool:
        """Whether there is something to segment: a box, or a click on an object."""
        return self.box is not None or 1 in self.labels

    def _corners(self) -> list[tuple[float, float]]:
        return [(x, y) for x, y, kind in self.clicks if kind == "corner"]
