"""What all semantic segmentors share: text features of a vocabulary, loss, views, label maps."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.interfaces import Size
from ovsam.ops.correlation import correlate, strongest_classes
from ovsam.ops.precision import full_precision
from ovsam.ops.windows import SlidingViews, Views
from ovsam.structures.vocabulary import Vocabulary, prompt_name

TEMPLATE = "A photo of a {} in the scene"  # CAT-Seg's one sentence, without a full stop
IGNORED = -1  # label of a pixel without a known class, in here
IGNORE_INDEX = 255  # of label maps that do not say otherwise
DROPPED_LOGIT = -100.0  # of a class that is not among the strongest of an image, as in CAT-Seg
MAX_CHUNK_VALUES = 64 << 20  # of class maps enlarged at once: 256 MB


class SemanticSegmentor(BaseModel):
    """Image and class names to a label per pixel.

    Source: Cho et al., CAT-Seg, sections 3 and 4.1 and its released code, for text features, training
    and views at test.

    Args:
        backbone: dense encoder of images and texts, see `DenseClip`.
        vocabulary: T classes. Training knows the base classes only; the loss leaves out every other
            label like a pixel without label.
        loss: (B, T, h, w) logits and (B, H, W) labels -> scalar; needed in training only.
        data_preprocessor: collated batch to normalised images.
        views: how an image is shown at test.
        template: sentence with one `{}`.
        view_batch: views computed at once.
        class_chunk: classes whose maps are enlarged at once; the result does not depend on it.
        image_classes: classes computed for an image: those with the largest correlation anywhere in it;
            0 = all. A training step takes those of all images of the batch (in all processes) and those
            that a label shows; at test each view has its own, and the other classes get a constant
            logit. A model that has only seen strong candidates cannot judge weak ones, so training and
            test use the same number.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        vocabulary: Vocabulary,
        loss: nn.Module | None = None,
        data_preprocessor: nn.Module | None = None,
        views: Views | None = None,
        template: str = TEMPLATE,
        view_batch: int = 5,
        class_chunk: int = 32,
        image_classes: int = 0,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if "{}" not in template:
            raise ValueError(f"the template must hold '{{}}', got {template!r}")
        self.backbone = backbone
        self.semantic_loss = loss
        self.views = views or SlidingViews()
        self.template = template
        self.view_batch = view_batch
        self.class_chunk = class_chunk
        self.image_classes = image_classes
        self.vocabulary = vocabulary

    @property
    def vocabulary(self) -> Vocabulary:
        """The classes of the answers; a new one may be set at any time."""
        return self._vocabulary

    @vocabulary.setter
    def vocabulary(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._texts: Tensor | None = None
        self._made_from: tuple[int, ...] = ()

    def forward(
        self,
        inputs: Tensor | Sequence[Tensor],
        data_samples: list[Any] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """mmengine's entry.

        Args:
            inputs: B images (3, H, W), normalised; of one size for `loss` and `tensor`.
            data_samples: B samples: `gt_sem_seg` (H, W) integer and metainfo `ignore_index` for `loss`,
                metainfo `ori_shape` (h, w) for `predict`.
            mode: `loss` -> dict of scalars; `predict` -> the samples with `pred_sem_seg` (h, w) int64
                and `pred_scores` (h, w) in 0..1, original frame; `tensor` -> logits (B, T, h', w').
        """
        if mode == "tensor":
            return self.predict_logits(inputs)
        if data_samples is None:
            raise ValueError(f"mode {mode!r} needs data_samples")
        if mode not in ("loss", "predict"):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        return (self.loss if mode == "loss" else self.predict)(inputs, data_samples)

    @abstractmethod
    def class_logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """(B, 3, S, S) normalised and (T, D) of unit length -> (B, T, h, w)."""

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """`loss_seg` of the base classes."""
        self._made_from = ()  # the step of a fused optimiser does not show in a parameter's version
        labels = torch.stack([self._train_labels(sample, inputs) for sample in data_samples])
        texts = self._encode(self._train_names())
        if 0 < self.image_classes < len(texts):
            kept, labels = self._classes_of_step(inputs, texts.detach(), labels)
            texts = texts[kept]
        return {"loss_seg": self.semantic_loss(self.class_logits(inputs, texts), labels)}

    @torch.no_grad()
    def _classes_of_step(self, images: Tensor, texts: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S), (T, D), (B, H, W) -> the K classes to train on, and labels that count them."""
        counts = torch.zeros(len(texts), device=labels.device)
        counts[self.strongest(images, texts, self.image_classes)] += 1
        counts[labels[labels != IGNORED]] += 1
        all_reduce(counts)  # the classes of the whole batch, however many processes share it
        kept = counts.nonzero()[:, 0]  # (K,)
        place = torch.full((len(texts) + 1,), IGNORED, device=labels.device)  # the last is IGNORED's own
        place[kept] = torch.arange(len(kept), device=labels.device)
        return kept, place[labels]

    @torch.no_grad()
    def predict(self, inputs: Tensor | Sequence[Tensor], data_samples: list[Any]) -> list[Any]:
        """Fill `pred_sem_seg` and `pred_scores` of every sample."""
        for image, sample in zip(inputs, data_samples, strict=True):
            size = tuple(sample.get("ori_shape", image.shape[-2:])[:2])
            sample.pred_sem_seg, sample.pred_scores = self.label_map(image, size)
        return data_samples

    @torch.no_grad()
    def label_map(
        self,
        image: Tensor,
        size: Size,
        *,
        texts: Tensor | None = None,
        views: Views | None = None,
        on_chunk: Callable[[], None] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Label and score of every pixel.

        Args:
            image: (3, H, W) normalised.
            size: (h, w) of the result.
            texts: (T, D) of unit length, from `encode_names`; None = those of the vocabulary.
            views: how the image is shown; None = as in tests.
            on_chunk: called before every few classes; an error it raises stops the work.

        Returns:
            (h, w) int64 and (h, w) in 0..1. Of equal scores the first class wins.
        """
        views = views or self.views
        logits = self.predict_logits(views.split(image), texts)
        labels = torch.zeros(size, dtype=torch.int64, device=logits.device)
        scores = logits.new_full(size, -1.0, dtype=torch.float32)
        for rows in self._chunks(logits.shape[1], size):
            if on_chunk is not None:
                on_chunk()
            best, place = self._probs(logits, rows, size, views).max(dim=0)
            is_better = best > scores
            torch.where(is_better, best, scores, out=scores)  # in place, on the meta device too
            torch.where(is_better, place.add_(rows.start), labels, out=labels)
        return labels, scores

    @torch.no_grad()
    def class_probs(
        self, image: Tensor, size: Size, *, texts: Tensor | None = None, views: Views | None = None
    ) -> Tensor:
        """Probabilities (T, *size) of all classes at once; see `label_map`."""
        views = views or self.views
        logits = self.predict_logits(views.split(image), texts)
        chunks = self._chunks(logits.shape[1], size)
        return torch.cat([self._probs(logits, rows, size, views) for rows in chunks])

    @torch.no_grad()
    def predict_logits(self, images: Tensor, texts: Tensor | None = None) -> Tensor:
        """(V, 3, S, S) normalised -> (V, T, h, w), `view_batch` views at once."""
        if texts is None:
            texts = self.text_features()
        if 0 < self.image_classes < len(texts):
            return torch.cat([self._logits_of_strongest(view, texts) for view in images.split(1)])
        return torch.cat([self.class_logits(part, texts) for part in images.split(self.view_batch)])

    def _logits_of_strongest(self, view: Tensor, texts: Tensor) -> Tensor:
        """(1, 3, S, S), (T, D) -> (1, T, h, w)."""
        kept = self.strongest(view, texts, self.image_classes)
        logits = self.class_logits(view, texts[kept])
        whole = logits.new_full((1, len(texts), *logits.shape[-2:]), DROPPED_LOGIT)
        whole[:, kept] = logits
        return whole

    @torch.no_grad()
    def strongest(self, images: Tensor, texts: Tensor, per_view: int) -> Tensor:
        """Classes worth computing out of very many: (V, 3, S, S) normalised, (T, D) -> (K,), ascending.

        They are the `per_view` classes of each view that have the largest correlation anywhere in it.

        Source: CAT-Seg's cap, whose answer this does not change if `per_view` is the cap.
        """
        maps = (self.backbone(part).map for part in images.split(self.view_batch))
        kept = [strongest_classes(correlate(part, texts), per_view).flatten() for part in maps]
        return torch.cat(kept).unique()

    @torch.no_grad()
    def text_features(self) -> Tensor:
        """(T, D), unit length; kept until the vocabulary or a weight of the text tower changes."""
        versions = self._weight_versions()
        if self._texts is None or self._made_from != versions:
            self._texts = self.encode_names(self.vocabulary.names)
            self._made_from = versions
        return self._texts.to(next(self.backbone.parameters()).device)

    def text_features_from(self, texts: Tensor) -> None:
        """Use given text features (T, D), a row per class, until a weight of the backbone changes."""
        num = len(self.vocabulary)
        if texts.ndim != 2 or len(texts) != num:
            raise ValueError(f"text features must be ({num}, D), got {tuple(texts.shape)}")
        self._texts = F.normalize(texts.float(), dim=-1)
        self._made_from = self._weight_versions()

    def _weight_versions(self) -> tuple[int, ...]:
        return tuple(parameter._version for parameter in self.backbone.parameters())

    @torch.no_grad()
    def forward_complexity(self, num_classes: int, num_views: int) -> Tensor:
        """Views of one image against classes whose text features are known; also on the meta device."""
        device = next(self.parameters()).device
        side, embed_dim = self.backbone.image_size, self.backbone.embed_dim
        images = torch.zeros(num_views, 3, side, side, device=device)
        return self.class_logits(images, torch.zeros(num_classes, embed_dim, device=device))

    @torch.no_grad()
    def encode_names(self, names: Sequence[str]) -> Tensor:
        """Text features (T, D) of class names, unit length; only the first synonym counts."""
        with full_precision(next(self.backbone.parameters())):
            return self._encode(names)

    def _chunks(self, num_classes: int, size: Size) -> list[slice]:
        """Rows of classes to enlarge at once: fewer for large pictures."""
        step = max(1, min(self.class_chunk, MAX_CHUNK_VALUES // (size[0] * size[1])))
        return [slice(first, first + step) for first in range(0, num_classes, step)]

    def _probs(self, logits: Tensor, rows: slice, size: Size, views: Views) -> Tensor:
        """Probabilities (c, *size) of some classes."""
        if getattr(self.semantic_loss, "kind", "binary") == "softmax":
            probs = torch.exp(logits[:, rows] - logits.logsumexp(dim=1, keepdim=True))
            return views.merge(probs.float(), nn.Identity(), size)
        return views.merge(logits[:, rows].float(), torch.sigmoid, size)

    def _encode(self, names: Sequence[str]) -> Tensor:
        """Text features of names, (T, D), unit length; with gradient in training."""
        sentences = [self.template.format(prompt_name(name)) for name in names]
        return F.normalize(self.backbone.encode_text(sentences), dim=-1)

    def _train_names(self) -> list[str]:
        names = [self.vocabulary.names[label] for label in sorted(self.vocabulary.base)]
        if not names:
            raise ValueError(f"vocabulary {self.vocabulary.name!r} has no base classes to train on")
        return names

    def _train_labels(self, sample: Any, inputs: Tensor) -> Tensor:
        """(H, W) int64: place among the base classes; -1 for ignored pixels and other classes."""
        labels = sample.gt_sem_seg.to(inputs.device).long()
        if labels.shape != inputs.shape[-2:]:
            sizes = f"{tuple(inputs.shape[-2:])}, its label map {tuple(labels.shape)}"
            raise ValueError(f"image {sample.get('img_id', '?')} is {sizes}")
        ignored = labels == sample.get("ignore_index", IGNORE_INDEX)
        num_classes = len(self.vocabulary)
        outside = ~ignored & ((labels < 0) | (labels >= num_classes))
        if outside.any():
            raise ValueError(
                f"image {sample.get('img_id', '?')} has the label {int(labels[outside][0])}, but the"
                f" vocabulary {self.vocabulary.name!r} has {num_classes} classes"
            )
        place = torch.full((num_classes + 1,), IGNORED, device=labels.device)
        base = sorted(self.vocabulary.base)
        place[base] = torch.arange(len(base), device=labels.device)
        return place[labels.masked_fill(ignored, num_classes)]
