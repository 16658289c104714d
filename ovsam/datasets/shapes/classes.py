"""The 80 classes of `shapes` (8 colours x 10 shapes) and their base/novel split.

The label of colour c and shape s is 10 c + s; its category id is one more. As in COCO, 48 classes are
base, 17 novel and 15 unused, by one rule: with k = (s + 3 c) mod 10, a class is base where k <= 5 (6
shapes of every colour), novel where k is 6 or 7, and unused where k is 8 or 9. That gives 16 novel
classes; the 17th is the last colour with k = 8. Base and novel both have every colour and every shape.
"""

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
}

#: Names of the shapes in label order; `drawing.OUTLINES` has their geometry.
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "heart", "crescent", "bar", "arrow")

CLASS_NAMES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
NUM_CLASSES = len(CLASS_NAMES)


def _group_of(label: int) -> str:
    colour, shape = divmod(label, len(SHAPES))
    place = (shape + 3 * colour) % len(SHAPES)
    if place <= 5:
        return "base"
    if place <= 7 or (place == 8 and colour == len(COLOURS) - 1):
        return "novel"
    return "unused"


BASE_LABELS = frozenset(label for label in range(NUM_CLASSES) if _group_of(label) == "base")
NOVEL_LABELS = frozenset(label for label in range(NUM_CLASSES) if _group_of(label) == "novel")
