"""Prediction: the masks and names that answer the prompts on one image."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.interfaces import Size


@dataclass(frozen=True)
class Prediction:
    """K masks of one image of (H, W) px; those of one prompt follow each other.

    Attributes:
        masks: (K, H, W) bool, original.
        boxes: (K, 4) float32 xyxy px, original, tight around the masks; zeros for an empty mask.
        prompt_index: (K,) int64, the prompt each mask answers.
        stability: (K,) float32 in 0..1: IoU of the mask cut a little tighter and a little looser.
        mask_logits: (K, h, w) float32 over the padded input, fit for `masks` of `Predictor.predict`.
        class_names: the vocabulary, in the order of the labels; empty for models that only segment.
        labels: (K,) int64 into `class_names`, or None.
        scores: (K,) float32 in 0..1, probability of the label, or None.
        top: K rows of the best (name, score), best first; empty rows for models that only segment.
        groups: where parents were asked for, K rows of (level, best group, probability): the attributes
            or hypernyms that most of the probability is on; else empty.
        quality: (K,) float32, expected IoU with the true mask, or None without that head.
        embeddings: (K, D) float32 of unit length, comparable with text embeddings, or None.
    """

    masks: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    prompt_index: NDArray[np.int64]
    stability: NDArray[np.float32]
    mask_logits: NDArray[np.float32]
    class_names: tuple[str, ...] = ()
    labels: NDArray[np.int64] | None = None
    scores: NDArray[np.float32] | None = None
    top: tuple[tuple[tuple[str, float], ...], ...] = ()
    groups: tuple[tuple[tuple[str, str, float], ...], ...] = ()
    quality: NDArray[np.float32] | None = None
    embeddings: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.masks)

    @property
    def size(self) -> Size:
        """(H, W) of the image."""
        return int(self.masks.shape[1]), int(self.masks.shape[2])

    @property
    def areas(self) -> NDArray[np.int64]:
        """(K,) px of each mask."""
        return np.count_nonzero(self.masks, axis=(1, 2)).astype(np.int64)

    @property
    def names(self) -> list[str]:
        """Name of each mask; empty strings for models that only segment."""
        if self.labels is None:
            return [""] * len(self)
        return [self.class_names[label] for label in self.labels.tolist()]

    @property
    def mask_scores(self) -> NDArray[np.float32]:
        """(K,) how good each mask seems: `quality`, or `stability` without that head."""
        return self.stability if self.quality is None else self.quality

    @property
    def ranking_scores(self) -> NDArray[np.float32]:
        """(K,) what evaluations and other tools rank by: `scores`, or `mask_scores` without names."""
        return self.mask_scores if self.scores is None else self.scores

    def rows(self, index: Any) -> "Prediction":
        """The masks at `index` (numbers, a bool array or a slice), in that order."""
        chosen = np.arange(len(self))[index]
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        changed: dict[str, Any] = {name: value[chosen] for name, value in arrays.items()}
        for name in ("top", "groups"):
            if rows := getattr(self, name):
                changed[name] = tuple(rows[row] for row in chosen.tolist())
        return replace(self, **changed)

    def best(self) -> "Prediction":
        """The mask with the highest `mask_scores` of each prompt."""
        found = [
            rows[int(self.mask_scores[rows].argmax())]
            for prompt in np.unique(self.prompt_index)
            for rows in [np.flatnonzero(self.prompt_index == prompt)]
        ]
        return self.rows(np.array(found, dtype=np.int64))

    def label_map(self) -> NDArray[np.int32]:
        """(H, W): 0 = no mask, i + 1 = mask i; the smaller of two overlapping masks is on top."""
        canvas = np.zeros(self.size, np.int32)
        for row in np.argsort(-self.areas, kind="stable").tolist():
            canvas[self.masks[row]] = row + 1
        return canvas
