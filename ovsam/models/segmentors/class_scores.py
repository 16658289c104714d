"""Logits of region vectors, in prediction and in training."""

from typing import Literal

from torch import Tensor, nn

from ovsam.ops.precision import full_precision
from ovsam.ops.scores import keep_classes

#: Names in the softmax of training: all of the vocabulary, novel ones included (released), or base ones.
TrainVocabulary = Literal["all", "base"]


def classify(classifier: nn.Module, vectors: Tensor) -> Tensor:
    """(N, D) -> (N, C + 1) in float32: a cosine times 100 in bf16 would be off by up to 0.4."""
    with full_precision(vectors):
        return classifier(vectors).float()


def train_logits(
    classifier: nn.Module, vectors: Tensor, labels: Tensor, train_vocabulary: TrainVocabulary
) -> Tensor:
    """Logits of the classes that take part in the softmax of training.

    Args:
        classifier: (N, D) -> (N, C + 1), with its `vocabulary`.
        vectors: (N, D).
        labels: (N,) int64, -1 = none.
        train_vocabulary: `all` columns, or those of `base` classes.

    Returns:
        (N, C + 1) float32.

    Raises:
        ValueError: only base names take part, and a label is not base.
    """
    logits = classify(classifier, vectors)
    if train_vocabulary == "all":
        return logits
    base = classifier.vocabulary.base
    outside = sorted(set(labels.tolist()) - base - {-1})
    if outside:
        raise ValueError(
            f"train_vocabulary='base', but annotations have the labels {outside[:5]}, which are not"
            " base: let the training data set keep base annotations only"
        )
    return keep_classes(logits, base)
