"""What all predictors share: loading by name, device, limits, vocabulary, saving, publishing."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ovsam.datasets.pictures import MAX_PIXELS
from ovsam.datasets.vocabularies import is_vocabulary_name
from ovsam.inference import hub
from ovsam.inference.saved_model import Origin, Task, save, task_of, vocabulary_of
from ovsam.inference.vocabulary_input import MAX_CLASSES, read_vocabulary
from ovsam.ops.compiling import compile_parts
from ovsam.structures.vocabulary import Vocabulary

KEPT_VOCABULARIES = 8  # whose text embeddings are kept: 6 MB for 1,000 classes of 2 synonyms

Words = str | Path | Iterable[str | Sequence[str]] | Vocabulary
Own = TypeVar("Own", bound="Pretrained")
Made = TypeVar("Made")

USE_INSTEAD = {
    "promptable": "it answers clicks and boxes: use ovsam.inference.predictor.Predictor, `ovsam predict`"
    " without --semantic",
    "semantic": "it gives every pixel a class: use ovsam.inference.semantic_predictor.SemanticPredictor,"
    " `ovsam predict --semantic`",
}


class Newest(OrderedDict[str, Made]):
    """The most recently used things, by key."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def get_or_make(self, key: str, make: Callable[[], Made]) -> Made:
        """Return the entry of `key`, make it if there is none, and drop the oldest."""
        if key not in self:
            self[key] = make()
        self.move_to_end(key)
        while len(self) > self.limit:
            self.popitem(last=False)
        return self[key]


class Pretrained:
    """A model with its origin and its vocabulary.

    Args:
        model: of the kind that `task` says.
        origin: where its weights come from; None = unknown.
        device: where it runs; None = where the model is.
        max_pixels: limit of a picture.
        max_classes: limit of a vocabulary.
        compile: on a GPU, run blocks of encoders through `torch.compile` and the mask decoder as CUDA
            graphs: for many pictures of one size; the first ones wait for it.

    Raises:
        ValueError: a model of another kind.
    """

    task: ClassVar[Task]

    def __init__(
        self,
        model: nn.Module,
        *,
        origin: Origin | None = None,
        device: torch.device | str | None = None,
        max_pixels: int = MAX_PIXELS,
        max_classes: int = MAX_CLASSES,
        compile: bool = False,
    ) -> None:
        if (found := task_of(model)) != self.task:
            raise ValueError(f"wrong kind of model ({type(model).__name__}): {USE_INSTEAD[found]}")
        self.model = (model if device is None else model.to(device)).eval()
        if compile:
            compile_parts(self.model)
        self.origin = origin or Origin()
        self.max_pixels = max_pixels
        self.max_classes = max_classes
        self._lock = threading.RLock()
        self._trained = vocabulary_of(model)
        self._vocabulary = self._trained
        self._lists = Newest[Vocabulary](KEPT_VOCABULARIES)  # splitting 22,000 names takes a second

    @classmethod
    def from_pretrained(
        cls: type[Own],
        source: str | Path,
        *,
        weights: str | Path | None = None,
        weights_root: str | Path | None = None,
        device: torch.device | str | None = None,
        **settings: Any,
    ) -> Own:
        """Load a model.

        Args:
            source, weights, weights_root: see `hub.load`: `quickstart`, a config, a folder, or a hub id.
            device: None = a GPU if there is one.
            settings: `max_pixels`, `max_classes`, `compile`.

        Raises:
            ValueError, FileNotFoundError, WeightsError: nothing there, or it does not fit together.
        """
        model, origin = hub.load(source, weights=weights, weights_root=weights_root, task=cls.task)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(model, origin=origin, device=chosen, **settings)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The names used where a call gives none; None for models that only segment."""
        return self._vocabulary

    def read_vocabulary(self, words: Words) -> Vocabulary:
        """What `words` mean to this model; see `vocabulary_input.read_vocabulary`.

        Raises:
            FileNotFoundError, ValueError: no such file, unfit words, or a model that only segments.
        """
        if self._trained is None:
            raise ValueError("this model only segments, it cannot name: leave vocabulary out")
        if not isinstance(words, str) or not is_vocabulary_name(words):
            return read_vocabulary(words, self._trained, self.max_classes)
        trained, limit = self._trained, self.max_classes
        with self._lock:
            return self._lists.get_or_make(words, lambda: read_vocabulary(words, trained, limit))

    def set_vocabulary(self, vocabulary: Words | None) -> None:
        """Use other names from now on; None = the model's own.

        Raises:
            FileNotFoundError, ValueError: see `read_vocabulary`.
        """
        self._vocabulary = self._trained if vocabulary is None else self.read_vocabulary(vocabulary)

    def save_pretrained(self, folder: str | Path, **card: Any) -> Path:
        """Write config, weights and model card; see `saved_model.save`."""
        return save(self.model, self.origin, folder, **card)

    def push_to_hub(self, repo_id: str, *, private: bool = True, **card: Any) -> str:
        """Upload what `save_pretrained` writes; see `hub.push`. Returns the address."""
        return hub.push(self.model, self.origin, repo_id, private=private, **card)

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return next(self.model.parameters()).device


def as_tensor(picture: NDArray[Any]) -> Tensor:
    """(h, w, 3) -> (3, h, w)."""
    return torch.from_numpy(picture.transpose(2, 0, 1).copy())
