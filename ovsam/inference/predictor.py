"""Predictor: a picture, prompts and a vocabulary to masks and names."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ovsam.datasets.hierarchies import Parents, get_hierarchy
from ovsam.datasets.pictures import as_picture
from ovsam.datasets.transforms.geometry import ResizeLongSide
from ovsam.inference.answers import (
    EncodedImage,
    check_memory,
    logits_of_masks,
    named,
    unnamed_masks,
)
from ovsam.inference.deadline import Deadline
from ovsam.inference.pretrained import KEPT_VOCABULARIES, Newest, Pretrained, Words, as_tensor
from ovsam.inference.saved_model import Task
from ovsam.models.outputs import PromptMasks, RawPrediction
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.embeddings_file import StoredEmbeddings, is_embeddings_file, read_embeddings
from ovsam.structures.hierarchy import Hierarchy
from ovsam.structures.offered_names import split_for
from ovsam.structures.prediction import Prediction
from ovsam.structures.sample import PromptSample
from ovsam.structures.user_prompts import prompts_from_user
from ovsam.structures.vocabulary import Vocabulary

#: Unnamed masks to (K,) bool: which of them are wanted.
MaskFilter = Callable[[Prediction], NDArray[np.bool_]]


class Predictor(Pretrained):
    """Masks and names for prompts on pictures; a picture is encoded once.

    One predictor may serve several threads: each keeps its own `EncodedImage` and names its vocabulary
    in the call. `set_image` and `set_vocabulary` are for a single user.

    Args:
        model: a promptable segmentor.
        settings: `origin`, `device`, `max_pixels`, `max_classes` and `compile` of `Pretrained`.

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
        self._classifiers = Newest[VocabularyClassifier](KEPT_VOCABULARIES - 1)  # beside the model's own
        self._hierarchies = Newest[Hierarchy](KEPT_VOCABULARIES)
        self._own_classifier: VocabularyClassifier | None = getattr(model, "classifier", None)

    @property
    def num_mask_tokens(self) -> int:
        """Masks that the decoder has per prompt; with 1 there is no `multimask`."""
        decoder = self.model.mask_decoder
        return int(getattr(decoder, "decoder", decoder).num_mask_tokens)

    def set_vocabulary(self, vocabulary: Words | None, *, embeddings: str | Path | None = None) -> None:
        """Name masks by other classes from now on, and embed them now; None = the model's own.

        Args:
            vocabulary: see `read_vocabulary`.
            embeddings: a file of `ovsam embed_vocabulary` with the vectors of this vocabulary, so that
                no text encoder runs. The file alone is a vocabulary, too.

        Raises:
            FileNotFoundError, ValueError: see `read_vocabulary`, the model's vocabulary is fixed, or
                vocabulary, embeddings and model do not belong together.
        """
        words = None if vocabulary is None else self.read_vocabulary(vocabulary)
        if embeddings is not None:
            if words is None:
                raise ValueError("embeddings need the vocabulary that they belong to; give both")
            self._use(read_embeddings(embeddings), words)
        elif words is not None:
            self.embed(words)
        super().set_vocabulary(words)

    def embed(self, vocabulary: Vocabulary) -> None:
        """Make the vectors of a vocabulary from `read_vocabulary` ahead of its first answer."""
        with self._lock:
            self._classifier_of(vocabulary)

    def read_vocabulary(self, words: Words) -> Vocabulary:
        """What `words` mean; of a file of `ovsam embed_vocabulary` the vectors are used, too.

        Raises:
            FileNotFoundError, ValueError: see `Pretrained.read_vocabulary`, or the file is damaged or of
                another model.
        """
        if not is_embeddings_file(words) or self._trained is None:
            return super().read_vocabulary(words)
        stored = read_embeddings(Path(str(words)))
        if len(stored.classes) > self.max_classes:
            raise ValueError(f"{words} has more than {self.max_classes:,} classes; give fewer")
        vocabulary = split_for(self._trained, stored.name, stored.classes)
        self._use(stored, vocabulary)
        return vocabulary

    def set_image(self, image: Any) -> None:
        """Encode the picture that `predict` answers for; `encode` lists what it takes."""
        self.set_images([image])

    def set_images(self, images: Sequence[Any]) -> None:
        """Encode several pictures; `predict(..., image=i)` then answers for picture i."""
        self._images = []  # free the old ones first
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
        resize = ResizeLongSide(size=preprocessor.size).transform
        resized = [
            resize({"img": picture, "img_shape": picture.shape[:2], "scale_factor": (1.0, 1.0)})
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
        parents: Parents | None = None,
        image: int | EncodedImage = 0,
        wanted: MaskFilter | None = None,
        deadline: Deadline | None = None,
    ) -> Prediction:
        """Answer N prompts on one picture.

        Args:
            points, point_labels, boxes: px of the picture; see
                `structures.user_prompts.prompts_from_user`.
            masks: a mask for each prompt to start from, which further clicks refine: `mask_logits` of an
                earlier answer (N, h, w), or bool (N, H, W) of the picture's size; one may leave out N.
                Only useful if the prompt encoder has learnt mask prompts, as SAM's has; no stage of the
                miniature trains with them.
            vocabulary: names for this call; see `vocabulary_input.read_vocabulary`.
            multimask: every mask of an ambiguous prompt; `Prediction.best` then chooses by quality.
            top_k: best names kept of each mask.
            parents: report what the names have in common, too: `shapes` (colour, shape and pattern
                apart) or a file of hypernyms; see `datasets.hierarchies.get_hierarchy`.
            image: which of `set_images`, or what `encode` returned.
            wanted: gets all masks without names and says which to keep; only these are named, because
                naming takes most of the time of many prompts.
            deadline: may cover several calls; checked before every part of the model. None = no limit.

        Returns:
            One row per mask, or per wanted one, in the order of the prompts.

        Raises:
            ValueError: no picture yet, or a prompt, mask, vocabulary or number that does not fit; the
                message says which.
            TimeoutError: the deadline has passed.
        """
        deadline = deadline or Deadline(None, "")
        encoded = self._image(image)
        if not isinstance(top_k, (int, np.integer)) or top_k < 1:
            raise ValueError(f"top_k must be 1 or more, got {top_k!r:.80}")
        words = self._vocabulary if vocabulary is None else self.read_vocabulary(vocabulary)
        hierarchy = self._hierarchy(parents, words)
        prompts = prompts_from_user(points, point_labels, boxes, size=encoded.size)
        check_memory(len(prompts), encoded.size, 3 if multimask else 1, self.model.max_prompts)
        prompts = prompts.scaled(encoded.scale_xy, "resized")
        if masks is not None:
            side, grid = self.model.data_preprocessor.size, self.model.prompt_encoder.mask_input_size
            frame = {"img_shape": encoded.img_shape, "side": side, "grid": tuple(grid)}
            logits = logits_of_masks(masks, len(prompts), encoded.size, **frame)
            prompts = replace(prompts, masks=logits)
        sample = PromptSample(metainfo={"img_shape": encoded.img_shape, "ori_shape": encoded.size})
        sample.prompts = prompts
        with self._lock, deadline.watching(self.model):
            found = self.model.predict_masks(encoded.features, [sample], multimask)
        unnamed = unnamed_masks(found, encoded, len(prompts))
        if wanted is not None:
            rows = np.flatnonzero(wanted(unnamed))
            unnamed = unnamed.rows(rows)
            found = found[torch.from_numpy(rows).to(found.mask_logits.device)]
        with self._lock, deadline.watching(self.model):
            raw = self._name(encoded, sample, found, words)
        return named(unnamed, raw, words, top_k, hierarchy)

    @torch.no_grad()
    def _name(
        self, encoded: EncodedImage, sample: PromptSample, masks: PromptMasks, words: Vocabulary | None
    ) -> RawPrediction:
        # One call at a time: the model holds one classifier, and each call may bring its own.
        if words is None:
            return self.model.name_masks(encoded.features, [sample], masks)
        self.model.classifier = self._classifier_of(words)
        try:
            return self.model.name_masks(encoded.features, [sample], masks)
        finally:
            self.model.classifier = self._own_classifier

    def _classifier_of(self, vocabulary: Vocabulary) -> VocabularyClassifier:
        """The classifier of a vocabulary; the last few are kept."""
        own = self._own_classifier
        assert own is not None  # `read_vocabulary` refuses words for a model without
        key = vocabulary.digest()
        if key == own.vocabulary.digest():
            return own

        def make() -> VocabularyClassifier:
            if own.text_encoder is None:
                raise ValueError("this model has no text encoder, so its vocabulary is fixed")
            made = own.with_vocabulary(vocabulary).to(self.device).eval()
            _ = made.embeddings  # a word that cannot be embedded fails here, before anything changes
            return made

        return self._classifiers.get_or_make(key, make)

    def _hierarchy(self, parents: Parents | None, words: Vocabulary | None) -> Hierarchy | None:
        """The parents of the words; the last few are kept."""
        if parents is None or words is None:
            return None
        with self._lock:
            key = f"{parents} {words.digest()}"
            return self._hierarchies.get_or_make(key, lambda: get_hierarchy(parents, words))

    def _use(self, stored: StoredEmbeddings, vocabulary: Vocabulary) -> None:
        """Keep stored vectors as those of a vocabulary, after a check that all belong together."""
        own = self._own_classifier
        if own is None:
            raise ValueError("this model only segments, it cannot name: leave embeddings out")
        stored.check_classes(vocabulary.classes, vocabulary.name)
        stored.check_classifier(own)
        made = own.with_vocabulary(vocabulary)
        made.embeddings_from(stored.bank)
        with self._lock:
            self._classifiers.pop(vocabulary.digest(), None)
            self._classifiers.get_or_make(vocabulary.digest(), lambda: made.to(self.device).eval())

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
