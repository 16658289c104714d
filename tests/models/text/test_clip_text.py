import pytest
import torch

from ovsam.interfaces import TextEncoder
from ovsam.models.backbones import clip_specs
from ovsam.models.text import clip_text
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.tokenizers import tokenize


def test_one_vector_per_sentence_whatever_the_company():
    encoder = ClipTextEncoder(architecture="shapes-rn").eval()
    assert isinstance(encoder, TextEncoder)
    vectors = encoder.encode(["a red circle", "a blue bar", "a red circle"])
    assert vectors.shape == (3, 64)
    torch.testing.assert_close(vectors[0], vectors[2])
    torch.testing.assert_close(encoder.encode(["a blue bar"])[0], vectors[1])
    assert (vectors[0] - vectors[1]).abs().max() > 1e-3


def test_word_order_matters():
    encoder = ClipTextEncoder(architecture="shapes-rn").eval()
    first, second = encoder.encode(["red circle and blue bar", "blue circle and red bar"])
    assert (first - second).abs().max() > 1e-3


def test_chunks_change_nothing(monkeypatch):
    encoder = ClipTextEncoder(architecture="shapes-rn").eval()
    sentences = [f"word {number}" for number in range(7)]
    whole = encoder.encode(sentences)
    monkeypatch.setattr(clip_text, "CHUNK", 3)
    torch.testing.assert_close(encoder.encode(sentences), whole)


def test_cutting_the_padding_changes_nothing():
    encoder = ClipTextEncoder(architecture="RN50").eval()
    sentences = ["a red bar", "a photo of the tall giraffe in the scene, and of much more than that"]
    ids = tokenize(sentences, clip_specs.CLIP_SPECS["RN50"].text)
    lengths = []
    encoder.text.transformer.register_forward_pre_hook(
        lambda _, given: lengths.append(given[0].shape[1])
    )
    with torch.no_grad():
        torch.testing.assert_close(encoder(ids), encoder.text(ids), rtol=1e-5, atol=1e-5)
    assert lengths == [int(ids.argmax(dim=1).max()) + 1, 77]


def test_no_sentences():
    with pytest.raises(ValueError, match="at least one"):
        ClipTextEncoder(architecture="shapes-rn").encode([])
