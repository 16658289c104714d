"""Logits of region vectors in prediction and in training, and the targets of training."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ovsam.ops.precision import full_precision
from ovsam.ops.scores import keep_classes
from ovsam.structures.sample import PromptSample

#: Names in the softmax of training: all of the vocabulary, novel ones included (released), or base ones.
TrainVocabulary = Literal["all", "base"]


def check_train_vocabulary(train_vocabulary: str) -> None:
    """Raise ValueError for a word that `TrainVocabulary` does not have."""
    if train_vocabulary not in get_args(TrainVocabulary):
        raise ValueError(f"train_vocabulary must be 'all' or 'base', got {train_vocabulary!r}")


def true_regions(data_samples: list[PromptSample], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ground-truth boxes (N, 4) float32 xyxy px, resized, and labels (N,) int64 of a batch."""
    boxes = torch.cat([sample.gt_instances.bboxes for sample in data_samples])
    labels = torch.cat([sample.gt_instances.labels for sample in data_samples])
    return boxes.to(device, torch.float32), labels.to(device)


def classify(classifier: nn.Module, vectors: Tensor) -> Tensor:
    """(N, D) -> (N, C + 1) in float32: a cosine times 100 in bf16 would be off by up to 0.4."""
    with full_precision(vectors):
        return classifier(vectors).float()


def train_logits(
    classifier: nn.Module, vectors: Tensor, labels: Tensor, train_vocabulary: TrainVocabulary
) -> Tensor:
    """`classify`, with only the columns that take part in the softmax of training.

    `labels` (N,) int64 are the targets, -1 = none; where only base names take part, all must be base.
    """
    logits, kept = classify(classifier, vectors), trained_labels(classifier, labels, train_vocabulary)
    return logits if kept is None else keep_classes(logits, kept)


def trained_labels(
    classifier: nn.Module, labels: Tensor, train_vocabulary: TrainVocabulary
) -> frozenset[int] | None:
    """Labels that take part in the softmax of training; None = all.

    Raises:
        ValueError: only base names take part, and a target is no base name.
    """
    if train_vocabulary == "all":
        return None
    base = classifier.vocabulary.base
    outside = sorted(set(labels.tolist()) - base - {-1})
    if outside:
        raise ValueError(
            f"train_vocabulary='base', but annotations have the labels {outside[:5]}, which are not"
            " base: let the training data set keep base annotations only"
        )
    return base


def train_loss(
    class_loss: nn.Module,
    classifier: nn.Module,
    vectors: Tensor,
    labels: Tensor,
    train_vocabulary: TrainVocabulary,
    seeds: Sequence[int] = (),
) -> Tensor:
    """Loss of region vectors (N, D) with labels (N,), by a loss of logits or one that reads the vectors.

    `seeds` are those of the samples; see `models.class_draws`.
    """
    if getattr(class_loss, "reads_vectors", False):
        kept = trained_labels(classifier, labels, train_vocabulary)
        return class_loss(classifier, vectors, labels, seeds, kept)
    return class_loss(train_logits(classifier, vectors, labels, train_vocabulary), labels)
