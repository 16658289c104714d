import pytest
import torch

from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.structures.class_bank import ClassBank
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(name="v", classes=(("red bar", "pink bar"), ("blue star",), ("ring",)))


@pytest.fixture
def classifier():
    encoder = ClipTextEncoder(architecture="shapes-rn")
    return VocabularyClassifier(vocabulary=VOCABULARY, text_encoder=encoder, templates=("a {}",))


def test_a_text_is_classified_as_itself(classifier):
    vectors = classifier.text_encoder.eval().encode(["a blue star", "a pink bar", "a ring", "a red bar"])
    logits = classifier(vectors * 7)
    assert logits.shape == (4, 4)
    assert logits.argmax(dim=1).tolist() == [1, 0, 2, 0]
    torch.testing.assert_close(logits.amax(dim=1), torch.full((4,), 100.0))
    assert (logits[:, -1] == 0).all()
    assert classifier.num_classes == 3


def test_embeddings_are_made_once_and_again_after_the_weights_change(classifier):
    first = classifier.embeddings
    assert classifier.bank.strings is classifier.bank.strings
    assert not first.requires_grad
    classifier.text_encoder.load_state_dict(ClipTextEncoder(architecture="shapes-rn").state_dict())
    assert (classifier.embeddings - first).abs().max() > 1e-3


def test_embeddings_are_not_saved(classifier):
    before = set(classifier.state_dict())
    classifier(torch.randn(2, 64))
    assert set(classifier.state_dict()) == before
    assert all(name.startswith("text_encoder.") for name in before)


def test_given_embeddings_replace_the_encoder():
    classifier = VocabularyClassifier(vocabulary=VOCABULARY, logit_scale=10.0)
    with pytest.raises(RuntimeError, match="embeddings_from"):
        classifier(torch.zeros(1, 2))
    classifier.embeddings_from(torch.tensor([[[2.0, 0]], [[0, 3.0]], [[-1.0, 0]]]))
    torch.testing.assert_close(
        classifier(torch.tensor([[4.0, 0.0]])), torch.tensor([[10.0, 0, -10.0, 0]])
    )
    with pytest.raises(ValueError, match=r"\(3, P, D\)"):
        classifier.embeddings_from(torch.zeros(2, 1, 2))


def test_a_class_with_many_synonyms_costs_its_own_strings_only(classifier):
    many = tuple(f"star {n}" for n in range(9))
    vocabulary = Vocabulary(name="v", classes=(("ring",), many, ("bar",), ("drop", "ring")))
    bank = classifier.with_vocabulary(vocabulary).bank
    assert bank.strings.shape == (12, 64)
    assert bank.rows.shape == (4, 9)
    assert bank.rows[3].tolist() == [11, 0, *[11] * 7]  # drop, ring, and its first again


def test_a_bank_of_other_classes_is_refused(classifier):
    with pytest.raises(ValueError, match="expected embeddings of 3 classes, got 2"):
        classifier.embeddings_from(ClassBank.of_table(torch.zeros(2, 1, 64)))
