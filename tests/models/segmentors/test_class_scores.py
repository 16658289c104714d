"""Which names are in the softmax of training."""

import pytest
import torch

from ovsam.models.segmentors.class_scores import classify, train_logits
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    name="six",
    classes=tuple((f"class {i}",) for i in range(6)),
    base=frozenset({0, 1}),
    novel=frozenset({3, 4}),
)


@pytest.fixture
def classifier():
    classifier = VocabularyClassifier(vocabulary=VOCABULARY)
    classifier.embeddings_from(torch.randn(6, 2, 8, generator=torch.Generator().manual_seed(0)))
    return classifier


def test_all_names_are_in_the_softmax_of_training_or_base_names_only(classifier):
    vectors, labels = torch.randn(5, 8), torch.tensor([0, 1, 0, -1, 1])
    logits = train_logits(classifier, vectors, labels, "all")
    assert torch.equal(logits, classify(classifier, vectors))
    kept = train_logits(classifier, vectors, labels, "base")
    assert torch.equal(kept[:, [0, 1, 6]], logits[:, [0, 1, 6]])
    assert (kept[:, 2:6] == -1000).all()


def test_labels_outside_the_base_classes_are_refused(classifier):
    with pytest.raises(ValueError, match="keep base annotations"):
        train_logits(classifier, torch.randn(2, 8), torch.tensor([0, 3]), "base")
