"""SemanticPrediction: the class of every pixel of one image, with names and scores."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.interfaces import Size

UNLABELLED = -1  # in `SemanticPrediction.labels`
MAX_FILE_CLASSES = np.iinfo(np.uint16).max  # a file has 16 bits, and 0 is unlabelled


@dataclass(frozen=True)
class FoundClass:
    """One class of a label map."""

    label: int  # place in the vocabulary
    name: str
    area: int  # px
    share: float  # of the image's pixels, 0..1
    score: float  # 0..1, mean over its pixels of the probability of the class


@dataclass(frozen=True)
class SemanticPrediction:
    """The label map of one image of (H, W) px.

    Attributes:
        labels: (H, W) int32 into `class_names`, original; `UNLABELLED` where no class is likely enough.
        scores: (H, W) float32 in 0..1: probability of the best class of each pixel, even if unlabelled.
        class_names: the vocabulary, in the order of the labels.
        threshold: what a score had to reach; 0 = every pixel has a class, whichever fits best.
        probs: (C, H, W) float32 in 0..1 of every class, if they were asked for.
        num_computed: classes that the model was asked for; fewer than `class_names` only for very large
            vocabularies. A model with `image_classes` in its config computes that many of them.

    Example:
        >>> labels = np.array([[0, 0, 2], [0, -1, 2]], np.int32)
        >>> scores = np.array([[0.9, 0.8, 0.6], [0.7, 0.1, 0.5]], np.float32)
        >>> found = SemanticPrediction(labels, scores, ("sky", "sea", "sand"), threshold=0.2)
        >>> [(c.name, c.area, round(c.score, 2)) for c in found.found]
        [('sky', 3, 0.8), ('sand', 2, 0.55)]
        >>> int(found.mask("sand").sum()), found.unlabelled_area
        (2, 1)
        >>> found.file_values().tolist()
        [[1, 1, 3], [1, 0, 3]]
    """

    labels: NDArray[np.int32]
    scores: NDArray[np.float32]
    class_names: tuple[str, ...]
    threshold: float = 0.0
    probs: NDArray[np.float32] | None = None
    num_computed: int | None = None

    @property
    def size(self) -> Size:
        """(H, W) of the image."""
        return int(self.labels.shape[0]), int(self.labels.shape[1])

    @cached_property
    def found(self) -> tuple[FoundClass, ...]:
        """The classes that have pixels, the largest first."""
        places = self.labels.ravel() + 1  # 0 = unlabelled
        areas = np.bincount(places, minlength=len(self.class_names) + 1)[1:]
        sums = np.bincount(places, self.scores.ravel(), minlength=len(self.class_names) + 1)[1:]
        return tuple(
            FoundClass(
                label=label,
                name=self.class_names[label],
                area=int(areas[label]),
                share=float(areas[label] / self.labels.size),
                score=float(sums[label] / areas[label]),
            )
            for label in np.argsort(-areas, kind="stable").tolist()
            if areas[label]
        )

    @property
    def names(self) -> list[str]:
        """Names of the classes that have pixels, the largest first."""
        return [found.name for found in self.found]

    @property
    def unlabelled_area(self) -> int:
        """px without a class."""
        return int(np.count_nonzero(self.labels == UNLABELLED))

    def mask(self, which: str | int) -> NDArray[np.bool_]:
        """(H, W) bool, the pixels of a class, given by name or label; all False if it has none.

        Raises:
            ValueError: the vocabulary has no such class.
        """
        if isinstance(which, str):
            if which not in self.class_names:
                known = ", ".join(self.class_names[:20])
                raise ValueError(f"{which!r} is not in the vocabulary: {known}")
            which = self.class_names.index(which)
        if not 0 <= which < len(self.class_names):
            raise ValueError(f"a label must be 0..{len(self.class_names) - 1}, got {which}")
        return self.labels == which

    def file_values(self) -> NDArray[Any]:
        """(H, W) for a PNG file: 0 = unlabelled, i + 1 = class i; uint16 if 255 classes are exceeded.

        Raises:
            ValueError: more classes than fit into 16 bits.
        """
        if len(self.class_names) > MAX_FILE_CLASSES:
            raise ValueError(
                f"a file holds at most {MAX_FILE_CLASSES:,} classes, got {len(self.class_names):,}"
            )
        return (self.labels + 1).astype(np.uint8 if len(self.class_names) < 256 else np.uint16)
