"""What the web page does, without the page: pictures, clicks and words in, overlays and names out.

Every call carries its own picture and words, so visitors cannot disturb each other.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.pictures import read_picture
from ovsam.demo.marks import Marks
from ovsam.demo.pictures import Picture, PictureStore
from ovsam.demo.word_lists import WordLists
from ovsam.inference.answers import EncodedImage
from ovsam.inference.deadline import Deadline
from ovsam.inference.everything import EverythingSegmenter, GridSettings
from ovsam.inference.predictor import Predictor
from ovsam.inference.pretrained import Newest
from ovsam.inference.semantic_predictor import SemanticPredictor, ViewsName
from ovsam.structures.prediction import Prediction
from ovsam.structures.semantic_prediction import SemanticPrediction
from ovsam.structures.vocabulary import Vocabulary
from ovsam.visualization.overlays import Objects, draw_objects, shortened
from ovsam.visualization.semantic import draw_prediction

CLICK_ADVICE, EVERYTHING_ADVICE = "give fewer words", "choose fewer points per side or fewer words"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one visitor may ask for.

    Attributes:
        file_bytes: of an uploaded picture.
        pixels: of an uploaded picture.
        words: in a vocabulary.
        clicks: on one picture.
        points_per_side: of the grid of "everything".
        seconds: of computing for one answer.
        queue: answers that may wait.
        sessions: visitors whose picture is kept.
        encoded: pictures whose features are kept.
        kept_bytes: of the pixels of opened pictures, of all visitors.
    """

    file_bytes: int = 20_000_000
    pixels: int = 25_000_000
    words: int = 1_500
    clicks: int = 100
    points_per_side: int = 32
    seconds: float = 60.0
    queue: int = 20
    sessions: int = 100
    encoded: int = 16
    kept_bytes: int = 1_000_000_000


class DemoService:
    """Answers the page's requests; may be called from several threads.

    Args:
        predictor: shared by all visitors.
        limits: see `Limits`.
        semantic: also shared; None = no semantic maps.
        lists: further lists of names to offer, see `WordLists`.
    """

    def __init__(
        self,
        predictor: Predictor,
        limits: Limits | None = None,
        semantic: SemanticPredictor | None = None,
        lists: Sequence[str] = (),
    ) -> None:
        self.predictor = predictor
        self.semantic = semantic
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._encoded = Newest[EncodedImage](self.limits.encoded)
        self._pictures = PictureStore(self.limits.kept_bytes)
        self.lists = WordLists(self.limits.words, lists)

    @property
    def names_things(self) -> bool:
        """Whether the model names its masks."""
        return self.predictor.vocabulary is not None

    @property
    def semantic_model(self) -> SemanticPredictor:
        """The model of semantic maps.

        Raises:
            ValueError: there is none.
        """
        if self.semantic is None:
            raise ValueError("this page has no semantic model")
        return self.semantic

    def search(self, words: str, typed: str) -> tuple[list[str], int, int]:
        """See `WordLists.search`."""
        model = self.predictor if self.names_things else self.semantic_model
        return self.lists.search(words, typed, model)

    def open(self, content: bytes, name: str = "picture") -> Picture:
        """Read an uploaded file.

        Raises:
            ValueError: too large, broken or no picture.
        """
        self.check_file_bytes(len(content))
        return self.picture(read_picture(name, content, self.limits.pixels), name)

    def check_file_bytes(self, number: int) -> None:
        """Refuse a file that is too large, before it is read.

        Raises:
            ValueError: too large.
        """
        if number > self.limits.file_bytes:
            raise ValueError(
                f"the file has {number / 1e6:.1f} MB, at most {self.limits.file_bytes / 1e6:g} allowed"
            )

    def picture(self, array: NDArray[np.uint8], name: str, *, always: bool = False) -> Picture:
        """A picture of pixels (H, W, 3) uint8 RGB; `always` = kept as long as the service."""
        return self._pictures.put(array, name, always=always)

    def answer(
        self, picture: Picture, marks: Marks, words: Sequence[str] | str | None = None
    ) -> Prediction:
        """The mask and names of what is marked: one row.

        Args:
            picture: from `open`.
            marks: a box, clicks, or both.
            words: class names, one of `lists.names`, or None for the model's own.

        Raises:
            ValueError: nothing marked, or marks or words that do not fit.
            TimeoutError: it takes longer than the limit.
        """
        if not marks.is_prompt:
            raise ValueError("click on an object, or mark two corners of a box")
        if len(marks.clicks) > self.limits.clicks:
            raise ValueError(f"at most {self.limits.clicks} clicks on one object; press Clear")
        # One click may mean a part or the whole: SAM's own rule is to look at several masks then.
        is_ambiguous = len(marks.points) == 1 and marks.box is None
        found = self.predictor.predict(
            points=np.array(marks.points, np.float32) if marks.points else None,
            point_labels=marks.labels if marks.points else None,
            boxes=None if marks.box is None else list(marks.box),
            vocabulary=self._read(words, self.predictor),
            multimask=is_ambiguous and self.predictor.num_mask_tokens > 1,
            image=self.encoded(picture),
            deadline=Deadline(self.limits.seconds, CLICK_ADVICE),
        )
        return found.best()

    def everything(
        self,
        picture: Picture,
        *,
        points_per_side: int = 16,
        min_stability: float = GridSettings.min_stability,
        keep: Sequence[str] = (),
        words: Sequence[str] | str | None = None,
    ) -> Prediction:
        """All objects, or those that one of the words in `keep` names.

        Raises:
            ValueError: words or a grid that do not fit.
            TimeoutError: it takes longer than the limit.
        """
        if not 1 <= points_per_side <= self.limits.points_per_side:
            raise ValueError(f"the grid may have 1 to {self.limits.points_per_side} points per side")
        self._check_words(keep)
        settings = GridSettings(points_per_side=points_per_side, min_stability=min_stability)
        return EverythingSegmenter(self.predictor, settings)(
            self.encoded(picture),
            vocabulary=self._read(words, self.predictor),
            keep=list(keep) or None,
            deadline=Deadline(self.limits.seconds, EVERYTHING_ADVICE),
        )

    def segment(
        self,
        picture: Picture,
        *,
        words: Sequence[str] | str | None = None,
        views: ViewsName = "model",
        threshold: float = 0.0,
    ) -> SemanticPrediction:
        """One of the words for every pixel; see `SemanticPredictor.segment`.

        Raises:
            ValueError: no semantic model here, or words or a number that do not fit.
            TimeoutError: it takes longer than the limit.
        """
        model = self.semantic_model
        return model.segment(
            self._pictures.pixels(picture),
            self._read(words, model),
            views=views,
            threshold=threshold,
            seconds=self.limits.seconds,
        )

    def draw_map(self, picture: Picture, found: SemanticPrediction) -> NDArray[np.uint8]:
        """The picture in the colours of its classes, (h, w, 3), with a legend below."""
        return draw_prediction(self._pictures.pixels(picture), found, side=picture.shown_side)

    def encoded(self, picture: Picture) -> EncodedImage:
        """The picture's features; of the last few pictures they are kept, whoever opened them."""
        pixels = self._pictures.pixels(picture)
        with self._lock:
            return self._encoded.get_or_make(picture.key, lambda: self.predictor.encode(pixels))

    def draw(self, picture: Picture, marks: Marks, found: Prediction | None = None) -> NDArray[np.uint8]:
        """The picture as shown, (h, w, 3): masks, names and what is marked."""
        names = None
        if found is not None and found.scores is not None:
            pairs = zip(found.names, found.scores.tolist(), strict=True)
            names = [f"{shortened(name)} {score:.2f}" for name, score in pairs]
        points = None
        boxes = None if marks.box is None else np.array([marks.box], np.float32)
        if marks.clicks:
            xyl = [(x, y, label) for (x, y), label in zip(marks.points, marks.labels, strict=True)]
            if marks.open_corner:
                xyl.append((*marks.open_corner, 0))
            points = [np.array(xyl, np.float32).reshape(-1, 3)]
        masks = None if found is None else found.masks
        objects = Objects(masks=masks, boxes=boxes, points=points, names=names)
        return draw_objects(self._pictures.pixels(picture), objects, picture.shown_side)

    def _read(
        self, words: Sequence[str] | str | None, model: Predictor | SemanticPredictor
    ) -> Vocabulary | None:
        """The vocabulary of a visitor's words, which never name a file; None = the model's own."""
        if words is None or model.vocabulary is None:
            return None
        if isinstance(words, str):
            found = self.lists.read(words, model)
            if found is not None and isinstance(model, Predictor):
                model.embed(found)  # once, and outside of the visitor's time
            return found
        self._check_words(words)
        return model.read_vocabulary(list(words))

    def _check_words(self, words: Sequence[str]) -> None:
        if len(words) > self.limits.words:
            raise ValueError(
                f"{len(words):,} words, at most {self.limits.words:,} are allowed; give fewer"
            )


def split_words(text: str | None) -> list[str]:
    """Words that commas, semicolons or line ends separate.

    Example:
        >>> split_words("red ball, blue box" + chr(10) + " ;dog")
        ['red ball', 'blue box', 'dog']
    """
    return [word.strip() for word in re.split(r"[,;\n]", text or "") if word.strip()]
