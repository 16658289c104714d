"""Predictor: a picture, prompts and a vocabulary to masks and names.

predictor = Predictor.from_pretrained("quickstart")
predictor.set_image("picture.png")
prediction = predictor.predict(points=[64, 50])
prediction.names, prediction.masks
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.datasets.pictures import as_picture
from ovsam.datasets.transforms.geometry import ResizeLongSide
from ovsam.inference.deadline import Deadline
from ovsam.inference.miniature_weights import Task
from ovsam.inference.pretrained import KEPT_VOCABULARIES, Pretrained, Words, as_tensor
from ovsam.inference.vocabulary_input import read_vocabulary
from ovsam.interfaces import Size
from ovsam.models.outputs import ImageFeatures, PromptMasks, RawPrediction
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.ops.masks import resize_masks
from ovsam.ops.nms import stability_scores
from ovsam.ops.postprocess import masks_at_original_size
from ovsam.ops.roi import boxes_of_masks
from ovsam.ops.scores import best_classes
from ovsam.structures.prediction import Prediction
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample
from ovsam.structures.user_prompts import prompts_from_user
from ovsam.structures.vocabulary import Vocabulary

MAX_MASK_BYTES = 4 << 30  # of one answer
PROMPT_MASK_LOGIT = 10.0  # of a mask given as bool: about the surest that SAM's own masks are

#: Unnamed masks to (K,) bool: which of them are wanted.
MaskFilter = Callable[[Prediction], NDArray[np.bool_]]


@dataclass(frozen=True)
class EncodedImage:
    """A picture with all that its prompts need; it can be used from any thread, in any order.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        features: of this one picture.
        img_shape: (h, w) px, resized, without padding.
        scale_xy: resized / original.
    """

    picture: NDArray[np.uint8]
    features: ImageFeatures
    img_shape: Size
    scale_xy: tuple[float, float]

    @property
    def size(self) -> Size:
        """(H, W) px of the picture."""
        return int(self.picture.shape[0]), int(self.picture.shape[1])


class Predictor(Pretrained):
    """Masks and names for prompts on pictures; a picture is encoded once.

    One predictor may serve several threads: each keeps its own `EncodedImage` and names its vocabulary
    in the call. `set_image` and `set_vocabulary` are for a single user.

    Args:
        model: a promptable segmentor.
        settings: `origin`, `device`, `max_pixels` and `max_classes` of `Pretrained`.

    Attributes:
        num_encoder_runs: pictures encoded so far.

    Example:
        >>> import numpy as np
        >>> predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none")  # random weights
        >>> predictor.set_image(np.zeros((90, 120, 3), np.uint8))
        >>> prediction = predictor.predict(points=[30, 40], vocabulary=["cat", "dog"])
        >>> prediction.masks.shape, sorted(name for name, score in prediction.top[0])
        ((1, 90, 120), ['cat', 'dog'])
        >>> predictor.predict(boxes=[[10, 10, 60, 50], [5, 5, 80, 80]]).masks.shape
        (2, 90, 120)
        >>> predictor.num_encoder_runs
        1
    """

    task: ClassVar[Task] = "promptable"

    def __init__(self, model: nn.Module, **settings: Any) -> None:
        super().__init__(model, **settings)
        self.num_encoder_runs = 0
        self._images: list[EncodedImage] = []
        self._classifiers: OrderedDict[str, VocabularyClassifier] = OrderedDict()
        own = getattr(model, "classifier", None)
        self._trained: Vocabulary | None = None if own is None else own.vocabulary
        self._vocabulary = self._trained
        if own is not None:
            self._classifiers[_key(own.vocabulary)] = own

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What masks are named by where a call does not say; None for models that only segment."""
        return self._vocabulary

    @property
    def num_mask_tokens(self) -> int:
        """Masks that the decoder has per prompt; with 1 there is no `multimask`."""
        decoder = self.model.mask_decoder
        return int(getattr(decoder, "decoder", decoder).num_mask_tokens)

    def read_vocabulary(self, words: Words) -> Vocabulary:
        """What `words` mean to this model; see `vocabulary_input.read_vocabulary`.

        Raises:
            ValueError: unfit, or the model only segments.
        """
        if self._trained is None:
            raise ValueError("this model only segments, it cannot name: leave vocabulary out")
        return read_vocabulary(words, self._trained, self.max_classes)

    def set_vocabulary(self, vocabulary: Words | None) -> None:
        """Name masks by other classes from now on; None = the model's own.

        Args:
            vocabulary: see `vocabulary_input.read_vocabulary`.

        Raises:
            ValueError: unfit, or the model only segments.
        """
        if vocabulary is None:
            self._vocabulary = self._trained
            return
        with self._lock:
            self._vocabulary = self._classifier_of(vocabulary).vocabulary

    def set_image(self, image: Any) -> None:
        """Encode the picture that `predict` answers for; see `encode` for what it may be."""
        self.set_images([image])

    def set_images(self, images: Sequence[Any]) -> None:
        """Encode several pictures; `predict(..., image=i)` then answers for picture i."""
        self._images = []  # frees the old ones first
        self._images = self.encode_all(images)

    def encode(self, image: Any) -> EncodedImage:
        """Encode a picture without keeping it.

        Args:
            image: path, encoded bytes, PIL image, or array; see `datasets.pictures.as_picture`.

        Raises:
            FileNotFoundError, ValueError, TypeError: no picture, broken or too large.
        """
        return self.encode_all([image])[0]

    @torch.no_grad()
    def encode_all(self, images: Sequence[Any]) -> list[EncodedImage]:
        """Encode several pictures of any sizes in one batch."""
        if not isinstance(images, (list, tuple)) or not images:
            raise ValueError("expected a list of one picture or more")
        pictures = [as_picture(image, self.max_pixels) for image in images]
        preprocessor = self.model.data_preprocessor
        resize = ResizeLongSide(size=preprocessor.size)
        resized = [
            resize.transform(
                {"img": picture, "img_shape": picture.shape[:2], "scale_factor": (1.0, 1.0)}
            )
            for picture in pictures
        ]
        tensors = [as_tensor(result["img"]) for result in resized]
        with self._lock:
            features = self.model.encode(preprocessor.normalise(tensors))
            self.num_encoder_runs += len(pictures)
        return [
            EncodedImage(
                picture=picture,
                features=features if len(pictures) == 1 else features.image(index),
                img_shape=tuple(result["img_shape"]),
                scale_xy=tuple(result["scale_factor"]),
            )
            for index, (picture, result) in enumerate(zip(pictures, resized, strict=True))
        ]

    def predict(
        self,
        points: Any = None,
        point_labels: Any = None,
        boxes: Any = None,
        masks: Any = None,
        *,
        vocabulary: Words | None = None,
        multimask: bool = False,
        top_k: int = 5,
        image: int | EncodedImage = 0,
        wanted: MaskFilter | None = None,
        deadline: Deadline | None = None,
    ) -> Prediction:
        """Answer N prompts on one picture.

        Args:
            points, point_labels, boxes: px of the picture; see
                `structures.user_prompts.prompts_from_user`.
            masks: a mask to start from per prompt, for refinement by further clicks: `mask_logits` of an
                earlier answer (N, h, w), or bool (N, H, W) of the picture's size; one may leave out N.
                Of use only where the prompt encoder has learnt mask prompts, as SAM's has; no stage of
                the miniature draws them.
            vocabulary: names for this call; see `vocabulary_input.read_vocabulary`.
            multimask: every mask of an ambiguous prompt; `Prediction.best` then chooses by quality.
            top_k: best names kept of each mask.
            image: which of `set_images`, or what `encode` returned.
            wanted: told all masks without names, says which are wanted; only these are named, which
                takes most of the time of many prompts.
            deadline: of several calls together; looked at before every part of the model. None = never.

        Returns:
            One row per mask, or per wanted one, in the order of the prompts.

        Raises:
            ValueError: no picture yet, or a prompt, mask, vocabulary or number that does not fit; the
                message says which.
            TimeoutError: the deadline is over.
        """
        deadline = deadline or Deadline(None, "")
        encoded = self._image(image)
        if not isinstance(top_k, (int, np.integer)) or top_k < 1:
            raise ValueError(f"top_k must be 1 or more, got {top_k!r:.80}")
        if vocabulary is not None and self._trained is None:
            raise ValueError("this model only segments, it cannot name: leave vocabulary out")
        prompts = prompts_from_user(points, point_labels, boxes, size=encoded.size)
        self._check_memory(len(prompts), encoded.size, multimask)
        prompts = prompts.scaled(encoded.scale_xy, "resized")
        if masks is not None:
            prompts = self._with_masks(prompts, masks, encoded)
        sample = PromptSample(metainfo={"img_shape": encoded.img_shape, "ori_shape": encoded.size})
        sample.prompts = prompts
        with self._lock, deadline.watching(self.model):
            found = self.model.predict_masks(encoded.features, [sample], multimask)
        unnamed = _unnamed(found, encoded, len(prompts))
        if wanted is not None:
            rows = np.flatnonzero(wanted(unnamed))
            unnamed = unnamed.rows(rows)
            found = found[torch.from_numpy(rows).to(found.mask_logits.device)]
        with self._lock, deadline.watching(self.model):
            raw, words = self._name(encoded, sample, found, vocabulary)
        return _named(unnamed, raw, words, top_k)

    @torch.no_grad()
    def _name(
        self, encoded: EncodedImage, sample: PromptSample, masks: PromptMasks, words: Words | None
    ) -> tuple[RawPrediction, Vocabulary | None]:
        # One call at a time: the model holds one classifier, and each call may bring its own.
        with self._lock:
            if self._trained is None:
                return self.model.name_masks(encoded.features, [sample], masks), None
            before = self.model.classifier
            self.model.classifier = self._classifier_of(self._vocabulary if words is None else words)
            try:
                raw = self.model.name_masks(encoded.features, [sample], masks)
                return raw, self.model.classifier.vocabulary
            finally:
                self.model.classifier = before

    def _classifier_of(self, words: Any) -> VocabularyClassifier:
        """The classifier of a vocabulary; the last few are kept."""
        vocabulary = self.read_vocabulary(words)
        key = _key(vocabulary)
        if key not in self._classifiers:
            own = self.model.classifier
            if own.text_encoder is None:
                raise ValueError("this model has no text encoder, so its vocabulary is fixed")
            made = own.with_vocabulary(vocabulary).to(self.device).eval()
            _ = made.embeddings  # a word that cannot be embedded fails here, before anything changes
            self._classifiers[key] = made
        self._classifiers.move_to_end(key)
        own_key = _key(self._trained)
        while len(self._classifiers) > KEPT_VOCABULARIES:
            oldest = next(kept for kept in self._classifiers if kept != own_key)
            del self._classifiers[oldest]
        return self._classifiers[key]

    def _image(self, image: int | EncodedImage) -> EncodedImage:
        if isinstance(image, EncodedImage):
            return image
        if not self._images:
            raise ValueError("no picture yet: call set_image first")
        if not isinstance(image, (int, np.integer)) or not 0 <= image < len(self._images):
            raise ValueError(
                f"image must be 0..{len(self._images) - 1}, or what encode returned, got {image!r:.80}"
            )
        return self._images[image]

    def _check_memory(self, num_prompts: int, size: Size, multimask: bool) -> None:
        limit = self.model.max_prompts
        if num_prompts > limit:
            raise ValueError(
                f"{num_prompts:,} prompts in one call, allowed are {limit:,}; use several calls"
            )
        per_prompt = size[0] * size[1] * (3 if multimask else 1)
        if num_prompts * per_prompt > MAX_MASK_BYTES:
            raise ValueError(
                f"{num_prompts:,} prompts on a picture of {size[1]} x {size[0]} px would take"
                f" {num_prompts * per_prompt / 2**30:.1f} GiB of masks; give at most"
                f" {MAX_MASK_BYTES // per_prompt:,} at once"
            )

    def _with_masks(self, prompts: Prompts, masks: Any, encoded: EncodedImage) -> Prompts:
        grid = tuple(self.model.prompt_encoder.mask_input_size)
        array = masks.detach().cpu().numpy() if isinstance(masks, Tensor) else np.asarray(masks)
        if array.ndim == 4 and array.shape[1] == 1:
            array = array[:, 0]
        array = array[None] if array.ndim == 2 else array
        wanted = encoded.size if array.dtype == np.bool_ else grid
        if array.shape != (len(prompts), *wanted):
            raise ValueError(
                f"masks must be logits ({len(prompts)}, {grid[0]}, {grid[1]}) of an earlier answer or"
                f" bool ({len(prompts)}, {encoded.size[0]}, {encoded.size[1]}), got {array.shape}"
                f" {array.dtype}"
            )
        if array.dtype == np.bool_:
            logits = self._logits_of(array, encoded.img_shape, grid)
        else:
            logits = torch.from_numpy(array.astype(np.float32))
            if not torch.isfinite(logits).all():
                raise ValueError("masks hold a logit that is not a finite number")
        return Prompts(
            prompts.coordinates, prompts.roles, prompts.image_index, prompts.frame, logits[:, None]
        )

    def _logits_of(self, masks: NDArray[np.bool_], img_shape: Size, grid: tuple[int, ...]) -> Tensor:
        """(N, H, W) bool -> (N, *grid): the share of each cell that is covered, as a logit."""
        side = self.model.data_preprocessor.size
        resized = torch.from_numpy(resize_masks(masks, img_shape)).float()
        padded = F.pad(resized, (0, side - img_shape[1], 0, side - img_shape[0]))  # -> (N, S, S)
        return (F.adaptive_avg_pool2d(padded, grid) * 2 - 1) * PROMPT_MASK_LOGIT


def _unnamed(masks: PromptMasks, encoded: EncodedImage, num_prompts: int) -> Prediction:
    """All masks in the frame of the picture."""
    side, logits = encoded.features.inputs.shape[-1], masks.mask_logits
    whole = masks_at_original_size(logits, side, encoded.img_shape, encoded.size)
    return Prediction(
        masks=whole.cpu().numpy(),
        boxes=boxes_of_masks(whole).cpu().numpy(),
        prompt_index=np.repeat(np.arange(num_prompts), len(logits) // max(num_prompts, 1)),
        stability=stability_scores(logits).cpu().numpy(),
        mask_logits=logits.float().cpu().numpy(),
        quality=None if masks.quality is None else masks.quality.float().cpu().numpy(),
    )


def _named(
    found: Prediction, raw: RawPrediction, vocabulary: Vocabulary | None, top_k: int
) -> Prediction:
    """With the names, scores and vectors of the same rows."""
    named: dict[str, Any] = {}
    if vocabulary is not None and raw.class_logits is not None:
        labels, scores = best_classes(raw.class_logits)
        probs = raw.class_logits.float().softmax(dim=1)[:, :-1]
        best = probs.topk(min(top_k, len(vocabulary)), dim=1)
        names = vocabulary.names
        named = {
            "class_names": tuple(names),
            "labels": labels.cpu().numpy(),
            "scores": scores.cpu().numpy(),
            "top": tuple(
                tuple((names[label], prob) for label, prob in zip(*row, strict=True))
                for row in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ),
        }
    vectors = raw.region_vectors
    embeddings = None if vectors is None else F.normalize(vectors.float(), dim=1).cpu().numpy()
    return replace(found, embeddings=embeddings, **named)


def _key(vocabulary: Vocabulary) -> str:
    """What tells classifiers apart: names, synonyms and split."""
    return vocabulary.digest()
