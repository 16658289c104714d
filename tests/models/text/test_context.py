"""Adapter1's text side: contexts that spell words, gradients, caching."""

import pytest
import torch
from torch.nn import functional as F

from ovsam.models.freezing import freeze
from ovsam.models.text import embedding_cache
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.context import ContextClassifier, LearnableContext
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(name="three", classes=(("red bar",), ("ring", "round band"), ("cross",)))


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = ClipTextEncoder(architecture="shapes-rn")
    freeze(encoder)
    return encoder


def make(encoder, **options):
    torch.manual_seed(1)
    return ContextClassifier(
        vocabulary=VOCABULARY, text_encoder=encoder, **({"num_tokens": 2} | options)
    )


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        # own tokens 0 start, 1 to 2 name, 3 end (the second sentence: 2); context 4 and 5
        ("end", [[0, 4, 5, 1, 2, 3], [0, 4, 5, 1, 2, 2]]),
        ("middle", [[0, 4, 1, 2, 5, 3], [0, 4, 1, 5, 2, 2]]),
        ("front", [[0, 1, 2, 4, 5, 3], [0, 1, 4, 5, 2, 2]]),
    ],
)
def test_places_of_the_context(position, expected):
    context = LearnableContext(num_tokens=2, width=3, name_position=position)
    sources, ends = context.order([3, 2])
    assert sources.tolist() == expected
    assert ends.tolist() == [5, 4]


@pytest.mark.parametrize(
    ("position", "template"), [("end", "a photo {}"), ("middle", "a {} photo"), ("front", "{} a photo")]
)
def test_a_context_of_word_vectors_is_the_sentence(encoder, position, template):
    classifier = make(encoder, name_position=position)
    words = encoder.token_ids(["a photo"])[0, 1:3]
    with torch.no_grad():
        classifier.context.vectors.copy_(encoder.embed_tokens(words)[None])
    for label, synonyms in enumerate([["red bar", "red bar"], ["ring", "round band"], ["cross"] * 2]):
        expected = F.normalize(encoder.encode([template.format(name) for name in synonyms]), dim=-1)
        torch.testing.assert_close(classifier.embeddings[label], expected, rtol=1e-4, atol=1e-5)


def test_gradients_go_to_the_context_alone(encoder):
    classifier = make(encoder)
    classifier(torch.randn(5, encoder.embed_dim))[:, 0].sum().backward()
    assert classifier.context.vectors.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_training_and_prediction_give_the_same_logits(encoder):
    classifier, vectors = make(encoder), torch.randn(5, encoder.embed_dim)
    trained = classifier(vectors)
    with torch.no_grad():
        torch.testing.assert_close(classifier(vectors), trained)


def test_vectors_are_made_again_after_a_step_only(encoder):
    classifier = make(encoder)
    first = classifier.embeddings
    assert classifier.bank.strings is classifier.bank.strings
    optimiser = torch.optim.AdamW([classifier.context.vectors], lr=0.1, fused=True)
    classifier(torch.randn(5, encoder.embed_dim)).sum().backward()
    optimiser.step()
    assert not torch.allclose(classifier.embeddings, first)


def test_learned_contexts_are_never_kept_on_disk(encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedding_cache, "WORTH_KEEPING", 0)
    classifier = make(encoder)
    first = classifier.embeddings
    with torch.no_grad():
        classifier.context.vectors.add_(0.1)
    assert not torch.allclose(classifier.embeddings, first)
    assert not torch.allclose(
        make(encoder).with_vocabulary(VOCABULARY).embeddings, classifier.embeddings
    )
    assert not (tmp_path / "cache").exists()


def test_a_class_with_a_context_of_its_own(encoder):
    classifier = make(encoder, is_class_specific=True)
    assert classifier.context.vectors.shape == (3, 2, encoder.token_width)
    before = classifier.embeddings
    with torch.no_grad():
        classifier.context.vectors[1].normal_()
    changed = (classifier.embeddings - before).abs().amax(dim=(1, 2)) > 1e-4
    assert changed.tolist() == [False, True, False]
    with pytest.raises(ValueError, match="no other classes"):
        classifier.with_vocabulary(VOCABULARY)


def test_a_shared_context_serves_other_names(encoder):
    classifier = make(encoder)
    other = classifier.with_vocabulary(Vocabulary.from_names(["cross", "star"]))
    torch.testing.assert_close(other.embeddings[0, 0], classifier.embeddings[2, 0])
    assert other.context is classifier.context


def test_errors(encoder):
    with pytest.raises(ValueError, match="has 4 tokens; beside 29"):
        make(encoder, num_tokens=29)
    with pytest.raises(ValueError, match="1 or more"):
        make(encoder, num_tokens=0)
    with pytest.raises(ValueError, match="name_position"):
        make(encoder, name_position="left")
