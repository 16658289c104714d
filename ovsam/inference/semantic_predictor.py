"""SemanticPredictor: a picture and a list of class names to the class of every pixel.

predictor = SemanticPredictor.from_pretrained("shapes_escnet")
prediction = predictor.segment("picture.png", ["red circle", "blue bar"], threshold=0.25)
prediction.labels, prediction.found
"""

from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ovsam.datasets.pictures import as_picture
from ovsam.datasets.transforms.semantic import ResizeShortSide
from ovsam.inference.deadline import Deadline
from ovsam.inference.pretrained import KEPT_VOCABULARIES, Newest, Pretrained, Words, as_tensor
from ovsam.inference.saved_model import Task
from ovsam.ops.windows import SlidingViews, Views, WholeView
from ovsam.structures.semantic_prediction import UNLABELLED, SemanticPrediction
from ovsam.structures.vocabulary import Vocabulary

ViewsName = Literal["model", "whole", "five"]
VIEWS: tuple[ViewsName, ...] = ("model", "whole", "five")
MAX_PROBS_BYTES = 2 << 30  # of one answer's `probs`
MAX_COMPUTED = 1_500  # classes: above, those of each picture are chosen first; LVIS has 1,203
STRONGEST_PER_VIEW = 256  # CAT-Seg's own cap
ADVICE = "give fewer words, a smaller picture or one view"


class SemanticPredictor(Pretrained):
    """Gives every pixel a class from any list of names.

    One predictor may serve several threads: each names its vocabulary in the call. `set_vocabulary` is
    for a single user.

    Args:
        model: a semantic segmentor.
        max_computed: with more classes than this, only those that correlate most with the picture are
            computed: the 256 strongest of each view. CAT-Seg never computes more, so its answer stays
            the same; ESC-Net's is approximated.
        settings: `origin`, `device`, `max_pixels` and `max_classes` of `Pretrained`.
    """

    task: ClassVar[Task] = "semantic"

    def __init__(self, model: nn.Module, *, max_computed: int = MAX_COMPUTED, **settings: Any) -> None:
        super().__init__(model, **settings)
        self.max_computed = max_computed
        self._texts = Newest[Tensor](KEPT_VOCABULARIES)

    @property
    def vocabulary(self) -> Vocabulary:
        """The names of pixels where a call gives none; of several synonyms the model reads the first."""
        assert self._vocabulary is not None  # every semantic model has one
        return self._vocabulary

    @property
    def own_views(self) -> ViewsName:
        """The views of the model's tests: `whole` or `five`."""
        return "five" if isinstance(self.model.views, SlidingViews) else "whole"

    def segment(
        self,
        image: Any,
        vocabulary: Words | None = None,
        *,
        views: ViewsName = "model",
        threshold: float = 0.0,
        with_probs: bool = False,
        seconds: float | None = None,
    ) -> SemanticPrediction:
        """The class of every pixel.

        Args:
            image: path, encoded bytes, PIL image, or array; see `datasets.pictures.as_picture`.
            vocabulary: names for this call: a list of words, a .txt or .json file, a known list, or None
                for the names that are set. Blank and repeated ones are left out, so labels count
                `class_names` of the answer.
            views: how the picture is shown: `model` as in the model's tests, `whole` once, `five` four
                windows and the whole: finer, and five times the work.
            threshold: 0..1; pixels whose best class is less probable stay unlabelled. With 0 every pixel
                gets one of the names, whether any fits or not.
            with_probs: keep the probability map of every class.
            seconds: time limit; None = none.

        Returns:
            The label map at the picture's size. Of equally probable classes the first wins.

        Raises:
            FileNotFoundError, ValueError, TypeError: picture, vocabulary or a number that does not fit;
                the message says which.
            TimeoutError: it takes longer than `seconds`.
        """
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold must be 0 to 1, got {threshold}")
        if views not in VIEWS:
            raise ValueError(f"views must be {', '.join(VIEWS)}, got {views!r}")
        deadline = Deadline(seconds, ADVICE)
        words = self.vocabulary if vocabulary is None else self.read_vocabulary(vocabulary)
        picture = as_picture(image, self.max_pixels)
        if with_probs and len(words) * picture[..., 0].size * 4 > MAX_PROBS_BYTES:
            limit = MAX_PROBS_BYTES // (picture[..., 0].size * 4)
            raise ValueError(
                f"probabilities of {len(words):,} classes on {picture.shape[1]} x {picture.shape[0]} px"
                f" take too much memory: give at most {limit:,} classes"
            )
        with self._lock, deadline.watching(self.model):  # the hooks are one call's
            return self._answer(picture, words, self._views(views), threshold, with_probs, deadline)

    @torch.no_grad()
    def _answer(
        self,
        picture: NDArray[Any],
        words: Vocabulary,
        views: Views,
        threshold: float,
        with_probs: bool,
        deadline: Deadline,
    ) -> SemanticPrediction:
        texts = self._texts.get_or_make(words.digest(), lambda: self.model.encode_names(words.names))
        image = self.model.data_preprocessor.normalise(as_tensor(self._resized(picture)))
        kept = None
        if len(words) > self.max_computed:
            per_view = max(STRONGEST_PER_VIEW, getattr(self.model, "max_classes", 0))
            kept = self.model.strongest(views.split(image), texts, per_view)
            texts = texts[kept]
        size, probs = picture.shape[:2], None
        if with_probs:
            probs = self.model.class_probs(image, size, texts=texts, views=views)
            scores, labels = probs.max(dim=0)
        else:
            labels, scores = self.model.label_map(
                image, size, texts=texts, views=views, on_chunk=deadline.check
            )
        if kept is not None:
            labels = kept[labels]
            if probs is not None:
                probs = probs.new_zeros(len(words), *size).index_copy(0, kept, probs)
        labels = labels.int()
        labels[scores < threshold] = UNLABELLED
        return SemanticPrediction(
            labels=labels.cpu().numpy(),
            scores=scores.cpu().numpy(),
            class_names=tuple(words.names),
            threshold=threshold,
            probs=None if probs is None else probs.cpu().numpy(),
            num_computed=len(texts),
        )

    def _resized(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The picture at the size of the model's tests."""
        if self.origin.short_side is None:
            return picture
        short, long = self.origin.short_side
        resize = ResizeShortSide(size=short, max_size=long)
        return resize.transform({"img": picture, "scale_factor": (1.0, 1.0)})["img"]

    def _views(self, name: ViewsName) -> Views:
        own = self.model.views
        if name in ("model", self.own_views):
            return own
        if name == "whole":
            return WholeView(size=own.window, pad_multiple=1)
        # CAT-Seg's proportions for another side: 640 px shown in windows of 384 px every 256 px.
        side = self.model.backbone.image_size
        return SlidingViews(size=side * 5 // 3, window=side, stride=side * 2 // 3)
