"""Segment everything and name it: a grid of clicks, filters, suppression of doubles, names.

Source: Kirillov et al., Segment Anything, appendix B ("Automatic mask generation details"). Differs in
that the masks that pass the filters are named, in that doubles are found by the overlap of masks where
SAM takes their boxes, and in that a model without a quality head ranks its masks by stability.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.hierarchies import Parents
from ovsam.datasets.pictures import as_picture
from ovsam.inference.answers import EncodedImage
from ovsam.inference.deadline import Deadline
from ovsam.inference.predictor import Predictor
from ovsam.inference.pretrained import Words
from ovsam.interfaces import Size
from ovsam.ops.grid import Crop, crop_layers, point_grid, touches_inner_edge
from ovsam.ops.masks import encode_masks
from ovsam.ops.nms import mask_nms
from ovsam.structures.offered_names import strings_of
from ovsam.structures.prediction import Prediction
from ovsam.structures.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class GridSettings:
    """How densely to look, and what to keep.

    Attributes:
        points_per_side: clicks per row and column of the whole picture; of a crop of layer i, divided by
            2^i, so that the spacing stays the same at `zoom` 1.
        layers: crop layers beside the whole picture; layer i has 2^i x 2^i crops.
        overlap: of crops, as a share of the shorter side.
        points_per_batch: clicks answered at once.
        min_quality: expected IoU below which a mask is dropped; only where the model says one.
        min_stability: see `ops.nms.stability_scores`. 0.75 was chosen on the miniature's validation
            split: of the thresholds that find four of five objects the one with the best F1
            (docs/results.md). SAM's own, for SAM's own weights, is 0.95.
        min_score: probability of the name below which a mask is dropped.
        max_overlap: IoU above which two masks are the same.
        min_area: smallest share of the picture of a mask.
        max_area: largest share of the picture of a mask; more is background.
    """

    points_per_side: int = 32
    layers: int = 0
    overlap: float = 512 / 1500  # SAM's
    points_per_batch: int = 64
    min_quality: float = 0.7
    min_stability: float = 0.75
    min_score: float = 0.0
    max_overlap: float = 0.7
    min_area: float = 0.001
    max_area: float = 0.9

    def __post_init__(self) -> None:
        for name in ("min_quality", "min_stability", "min_score", "max_overlap", "min_area", "max_area"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in 0..1, got {getattr(self, name)}")
        if self.points_per_side < 1 or self.points_per_batch < 1 or self.layers < 0:
            raise ValueError("points_per_side and points_per_batch must be 1 or more, layers 0 or more")


class EverythingSegmenter:
    """Finds and names all objects of a picture.

    Example:
        >>> import numpy as np
        >>> predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none")  # random weights
        >>> settings = GridSettings(points_per_side=3, min_stability=0.0)
        >>> found = EverythingSegmenter(predictor, settings)(np.zeros((64, 80, 3), np.uint8))
        >>> found.label_map().shape, bool(found.label_map().max() <= len(found))
        ((64, 80), True)
    """

    def __init__(self, predictor: Predictor, settings: GridSettings | None = None) -> None:
        self.predictor = predictor
        self.settings = settings or GridSettings()

    def __call__(
        self,
        image: Any,
        *,
        vocabulary: Words | None = None,
        keep: Iterable[str] | None = None,
        top_k: int = 5,
        parents: Parents | None = None,
        deadline: Deadline | None = None,
    ) -> Prediction:
        """All objects of one picture, the surest masks first.

        Args:
            image: see `Predictor.encode`, or what it returned; crop layers encode their crops anew.
            vocabulary, top_k, parents: see `Predictor.predict`.
            keep: return only objects named by one of these words. The other names of the vocabulary
                compete with them, so that no object is forced to be one of the words.
            deadline: of all clicks together; None = never.

        Returns:
            One row per object; `prompt_index` is its click's number in the order they were asked. Its
            `label_map()` is the picture as one map.

        Raises:
            ValueError: a vocabulary or picture that does not fit.
            TimeoutError: the deadline is over.
        """
        wanted: set[str] | None = None
        if keep is not None:
            vocabulary, wanted = self._wanted(keep, vocabulary)
        asked_for = dict(vocabulary=vocabulary, top_k=top_k, parents=parents, deadline=deadline)
        encoded = image if isinstance(image, EncodedImage) else None
        picture = encoded.picture if encoded else as_picture(image, self.predictor.max_pixels)
        size: Size = picture.shape[:2]
        parts: list[Prediction] = []
        codes: list[dict[str, Any]] = []
        asked = 0
        for crop in crop_layers(size, self.settings.layers, self.settings.overlap):
            seen = encoded
            if not seen or crop.layer > 0:
                window = picture[crop.top : crop.bottom, crop.left : crop.right]
                seen = self.predictor.encode(np.ascontiguousarray(window))
            found = self._in_crop(seen, crop, size, asked_for)
            parts.append(replace(found, prompt_index=found.prompt_index + asked))
            codes += encode_masks(found.masks)
            asked += self._points(crop.size, crop.layer) ** 2
        everything = _joined(parts)
        order = mask_nms(codes, _ranking(everything), self.settings.max_overlap)
        everything = everything.rows(order)
        if wanted is None:
            return everything
        return everything.rows(np.array([name in wanted for name in everything.names], bool))

    def _in_crop(
        self, encoded: EncodedImage, crop: Crop, size: Size, asked_for: Mapping[str, Any]
    ) -> Prediction:
        """What is found in one crop, in the frame of the picture, without doubles."""
        settings, points = self.settings, point_grid(crop.size, self._points(crop.size, crop.layer))
        multimask = self.predictor.num_mask_tokens > 1
        parts = []
        for start in range(0, len(points), settings.points_per_batch):
            batch = points[start : start + settings.points_per_batch]
            found = self.predictor.predict(
                points=batch[:, None],
                multimask=multimask,
                image=encoded,
                wanted=lambda masks: self._is_good(masks, crop, size),
                **asked_for,
            )
            if found.scores is not None:
                found = found.rows(found.scores >= settings.min_score)
            parts.append(replace(found, prompt_index=found.prompt_index + start))
        joined = _joined(parts)
        kept = mask_nms(encode_masks(joined.masks), _ranking(joined), settings.max_overlap)
        return _moved(joined.rows(kept), crop, size)

    def _points(self, size: Size, layer: int) -> int:
        """Clicks per side of a crop: never more than it has pixels."""
        return max(min(self.settings.points_per_side // 2**layer, *size), 1)

    def _is_good(self, found: Prediction, crop: Crop, size: Size) -> NDArray[np.bool_]:
        """Which masks are worth naming, judged by their shape alone."""
        settings = self.settings
        share = found.areas / (size[0] * size[1])
        good = (share >= settings.min_area) & (share <= settings.max_area) & (found.areas > 0)
        good &= found.stability >= settings.min_stability
        if found.quality is not None:
            good &= found.quality >= settings.min_quality
        tolerance = 0.02 * max(crop.size)  # as SAM's 20 of 1,024 px
        return good & ~touches_inner_edge(found.boxes, crop, size, tolerance)

    def _wanted(self, keep: Iterable[str], vocabulary: Words | None) -> tuple[Vocabulary, set[str]]:
        """Words and the vocabulary's other names together, and the names of the words."""
        trained = self.predictor.vocabulary
        if trained is None:
            raise ValueError("this model only segments, it cannot look for names")
        if isinstance(keep, str):
            raise ValueError(f"keep must be a list of words, got the text {keep!r}")
        words = self.predictor.read_vocabulary(list(keep))
        others = trained if vocabulary is None else self.predictor.read_vocabulary(vocabulary)
        taken = {string for names in words.classes for string in strings_of(names)}
        rest = [names for names in others.classes if taken.isdisjoint(strings_of(names))]
        return self.predictor.read_vocabulary([*words.classes, *rest]), set(words.names)


def find(
    predictor: Predictor, image: Any, words: Sequence[str], settings: GridSettings | None = None
) -> Prediction:
    """All objects that one of `words` names: `EverythingSegmenter` with `keep`."""
    return EverythingSegmenter(predictor, settings)(image, keep=words)


def _ranking(found: Prediction) -> NDArray[np.float32]:
    """Of two masks of one object the one with the higher value stays."""
    return found.mask_scores if found.scores is None else found.mask_scores * found.scores


def _moved(found: Prediction, crop: Crop, size: Size) -> Prediction:
    """Move masks and boxes from the frame of a crop to that of the picture."""
    if crop.size == tuple(size):
        return found
    masks = np.zeros((len(found), *size), bool)
    masks[:, crop.top : crop.bottom, crop.left : crop.right] = found.masks
    shift = np.array([crop.left, crop.top, crop.left, crop.top], np.float32)
    return replace(found, masks=masks, boxes=found.boxes + shift)


def _joined(parts: Sequence[Prediction]) -> Prediction:
    """Predictions on one picture and vocabulary, one after the other."""
    first = parts[0]
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name, value in vars(first).items()
        if isinstance(value, np.ndarray)
    }
    lists = {name: tuple(chain(*(getattr(part, name) for part in parts))) for name in ("top", "groups")}
    return replace(first, **arrays, **lists)
