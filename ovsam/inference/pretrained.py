"""What every model for users shares: loading by name, device, limits, saving, publishing."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ovsam.datasets.pictures import MAX_PIXELS
from ovsam.inference import hub
from ovsam.inference.miniature_weights import Task
from ovsam.inference.vocabulary_input import MAX_CLASSES
from ovsam.structures.vocabulary import Vocabulary

KEPT_VOCABULARIES = 8  # whose text embeddings are kept: 6 MB for 1,000 classes of 2 synonyms

Words = str | Path | Iterable[str | Sequence[str]] | Vocabulary
Own = TypeVar("Own", bound="Pretrained")

USE_INSTEAD = {
    "promptable": "it answers clicks and boxes: use ovsam.inference.predictor.Predictor, `ovsam predict`"
    " without --semantic",
    "semantic": "it gives every pixel a class: use ovsam.inference.semantic_predictor.SemanticPredictor,"
    " `ovsam predict --semantic`",
}


class Pretrained:
    """A model with its origin.

    Args:
        model: of the kind that `task` says.
        origin: where its weights come from; None = unknown.
        device: where it runs; None = where the model is.
        max_pixels: larger pictures are refused.
        max_classes: larger vocabularies are refused.

    Raises:
        ValueError: a model of another kind.
    """

    task: ClassVar[Task]

    def __init__(
        self,
        model: nn.Module,
        *,
        origin: hub.Origin | None = None,
        device: torch.device | str | None = None,
        max_pixels: int = MAX_PIXELS,
        max_classes: int = MAX_CLASSES,
    ) -> None:
        found = hub.task_of(model)
        if found != self.task:
            name = type(model).__name__
            raise ValueError(f"this model ({name}) is of another kind: {USE_INSTEAD[found]}")
        self.model = (model if device is None else model.to(device)).eval()
        self.origin = origin or hub.Origin()
        self.max_pixels = max_pixels
        self.max_classes = max_classes
        self._lock = threading.RLock()

    @classmethod
    def from_pretrained(
        cls: type[Own],
        source: str | Path,
        *,
        weights: str | Path | None = None,
        weights_root: str | Path | None = None,
        device: torch.device | str | None = None,
        **limits: int,
    ) -> Own:
        """Load a model.

        Args:
            source: see `hub.load`: `quickstart`, the name of a config, a folder, or a hub id.
            weights, weights_root: see `hub.load`.
            device: None = a GPU if there is one.
            limits: `max_pixels`, `max_classes`.

        Raises:
            ValueError, FileNotFoundError, WeightsError: nothing there, or it does not fit together.
        """
        model, origin = hub.load(source, weights=weights, weights_root=weights_root, task=cls.task)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(model, origin=origin, device=chosen, **limits)

    def save_pretrained(self, folder: str | Path, **card: Any) -> Path:
        """Write config, weights and model card; see `hub.save`."""
        return hub.save(self.model, self.origin, folder, **card)

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
