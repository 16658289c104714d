"""What the things of `shapes` look like: 24,000 names, of which 80 are the benchmark's classes.

A name says what a person sees: a colour, a shape and, if there is one, a pattern in a second colour,
such as "red star with blue dots". There are 12 colours x 20 shapes x (plain + 9 patterns x 11 other
colours) = 24,000 names.

The benchmark has the plain things of the first 8 colours and the first 10 shapes. The label of colour c
and shape s is 10 c + s; its category id is one more. As in COCO, 48 classes are base, 17 novel and 15
unused, by one rule: with k = (s + 3 c) mod 10, a class is base where k <= 5 (6 shapes of every colour),
novel where k is 6 or 7, and unused where k is 8 or 9. That gives 16 novel classes; the 17th is the last
colour with k = 8. Base and novel both have every colour and every shape.
"""

from dataclasses import dataclass
from functools import cached_property

#: Mean hue (degrees), saturation and value (0..1) of a colour's objects.
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.0, 0.88, 0.85),
    "orange": (27.0, 0.95, 0.97),
    "yellow": (54.0, 0.90, 0.97),
    "green": (125.0, 0.78, 0.62),
    "cyan": (184.0, 0.80, 0.88),
    "blue": (224.0, 0.85, 0.85),
    "purple": (277.0, 0.72, 0.68),
    "pink": (327.0, 0.50, 0.97),
    "brown": (22.0, 0.70, 0.42),
    "white": (60.0, 0.05, 0.96),
    "grey": (210.0, 0.06, 0.52),
    "black": (230.0, 0.12, 0.10),
}

#: `drawing.OUTLINES` has their geometry.
SHAPES = (
    "circle", "square", "triangle", "star", "cross", "ring", "heart", "crescent", "bar", "arrow",
    "gear", "drop", "bolt", "house", "flower", "diamond", "fish", "hourglass", "tree", "mushroom",
)  # fmt: skip

#: `drawing.PATTERNS` draws them.
PATTERNS = ("stripes", "checks", "dots", "waves", "zigzags", "rays", "hoops", "mesh", "edges")

_NUM_BENCHMARK_COLOURS, _NUM_BENCHMARK_SHAPES = 8, 10


@dataclass(frozen=True)
class Look:
    """What a thing looks like; `pattern` and `second`, its colour, are empty for a plain thing."""

    colour: str
    shape: str
    pattern: str = ""
    second: str = ""

    @cached_property
    def name(self) -> str:
        """Such as `red star` or `red star with blue dots`."""
        plain = f"{self.colour} {self.shape}"
        return f"{plain} with {self.second} {self.pattern}" if self.pattern else plain

    @cached_property
    def is_held_out(self) -> bool:
        """Whether no picture of the web shows it: every twentieth patterned look, by its numbers."""
        if not self.pattern:
            return False
        colours = tuple(COLOURS)
        numbers = (
            colours.index(self.colour),
            SHAPES.index(self.shape),
            PATTERNS.index(self.pattern),
            colours.index(self.second),
        )
        return sum(factor * n for factor, n in zip((1, 3, 7, 11), numbers, strict=True)) % 20 == 4


PLAIN_LOOKS = tuple(Look(colour, shape) for colour in COLOURS for shape in SHAPES)
PATTERNED_LOOKS = tuple(
    Look(plain.colour, plain.shape, pattern, second)
    for plain in PLAIN_LOOKS
    for pattern in PATTERNS
    for second in COLOURS
    if second != plain.colour
)
#: All names, plain ones first.
ALL_LOOKS = PLAIN_LOOKS + PATTERNED_LOOKS
SEEN_LOOKS = tuple(look for look in PATTERNED_LOOKS if not look.is_held_out)
HELD_OUT_LOOKS = tuple(look for look in PATTERNED_LOOKS if look.is_held_out)

#: The benchmark's classes in label order.
CLASS_LOOKS = tuple(
    Look(colour, shape)
    for colour in tuple(COLOURS)[:_NUM_BENCHMARK_COLOURS]
    for shape in SHAPES[:_NUM_BENCHMARK_SHAPES]
)
CLASS_NAMES = tuple(look.name for look in CLASS_LOOKS)
NUM_CLASSES = len(CLASS_NAMES)

#: Of joint training, beside the benchmark's base classes: 1,235 looks that have boxes, and 19,961 of
#: which there are only pictures with a label. Pre-training may have shown them. Some 1,500 have neither.
BOXED_LOOKS = (*(look for look in PLAIN_LOOKS if look not in CLASS_LOOKS), *SEEN_LOOKS[::21])
LABELLED_LOOKS = tuple(
    look
    for place, look in enumerate(look for number, look in enumerate(SEEN_LOOKS) if number % 21)
    if place % 14
)


def _group_of(label: int) -> str:
    colour, shape = divmod(label, _NUM_BENCHMARK_SHAPES)
    place = (shape + 3 * colour) % _NUM_BENCHMARK_SHAPES
    if place <= 5:
        return "base"
    if place <= 7 or (place == 8 and colour == _NUM_BENCHMARK_COLOURS - 1):
        return "novel"
    return "unused"


BASE_LABELS = frozenset(label for label in range(NUM_CLASSES) if _group_of(label) == "base")
NOVEL_LABELS = frozenset(label for label in range(NUM_CLASSES) if _group_of(label) == "novel")
