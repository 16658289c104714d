"""Embeddings as a file: read back as they were, and never taken for those of something else."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.context import ContextClassifier
from ovsam.models.text.embeddings_file import read_embeddings, write_embeddings
from ovsam.structures.vocabulary import Vocabulary

CLASSES = (("red bar", "pink bar"), ("ring",), ("star", "ring"))
TEMPLATES = ("a {}", "the {}")


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(1)
    encoder = ClipTextEncoder(architecture="shapes-rn").eval()
    vocabulary = Vocabulary(name="v", classes=CLASSES)
    return VocabularyClassifier(vocabulary=vocabulary, text_encoder=encoder, templates=TEMPLATES)


@pytest.fixture
def file(classifier, tmp_path):
    path = tmp_path / "v.safetensors"
    write_embeddings(classifier, path)
    return path


def changed(file, target, tensors=None, **metadata):
    """A copy with other tensors or metadata."""
    with safe_open(file, framework="pt") as opened:
        content = {name: opened.get_tensor(name) for name in opened.keys()} | (tensors or {})  # noqa: SIM118
        save_file(content, target, metadata=opened.metadata() | metadata)
    return target


def test_read_back_in_half_precision(classifier, file):
    stored = read_embeddings(file)
    assert (stored.name, stored.classes, stored.templates) == ("v", CLASSES, TEMPLATES)
    assert stored.bank.strings.dtype == torch.float16
    assert stored.bank.strings.shape == (4, 64)  # each string once
    torch.testing.assert_close(stored.bank.table.float(), classifier.embeddings, atol=1e-3, rtol=0)
    stored.check_classes(CLASSES, "v")
    stored.check_classifier(classifier)


def test_scores_from_a_file_are_those_of_the_encoder(classifier, file):
    other = classifier.with_vocabulary(classifier.vocabulary)
    other.embeddings_from(read_embeddings(file).bank)
    vectors = torch.randn(5, 64)
    torch.testing.assert_close(other(vectors), classifier(vectors), atol=0.05, rtol=0)  # of 100


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ((*CLASSES, ("drop",)), r"'w': expected embeddings of 4 classes .* lacks \['drop'\]"),
        (CLASSES[::-1], "synonyms or order differ"),
        ((*CLASSES[:2], ("star",)), "synonyms or order differ"),
    ],
)
def test_another_vocabulary_is_refused(file, classes, message):
    with pytest.raises(ValueError, match=message):
        read_embeddings(file).check_classes(classes, "w")


def test_another_model_is_refused(classifier, file):
    torch.manual_seed(2)
    stored, vocabulary = read_embeddings(file), classifier.vocabulary
    encoder = ClipTextEncoder(architecture="shapes-rn")
    other = VocabularyClassifier(vocabulary=vocabulary, text_encoder=encoder, templates=TEMPLATES)
    with pytest.raises(ValueError, match="another model: this one has text weights"):
        stored.check_classifier(other)
    for encoder in (classifier.text_encoder, None):
        other = VocabularyClassifier(
            vocabulary=vocabulary, text_encoder=encoder, templates=TEMPLATES[::-1]
        )
        with pytest.raises(ValueError, match=r"templates such as 'the \{\}', it is of 'a \{\}'"):
            stored.check_classifier(other)


def test_learned_contexts_have_no_file(classifier, file, tmp_path):
    learned = ContextClassifier(
        vocabulary=classifier.vocabulary, text_encoder=classifier.text_encoder, num_tokens=2
    )
    with pytest.raises(ValueError, match="not of a ContextClassifier"):
        read_embeddings(file).check_classifier(learned)
    with pytest.raises(ValueError, match="not of a ContextClassifier"):
        write_embeddings(learned, tmp_path / "e.safetensors")


def test_changed_names_or_vectors_are_refused(file, tmp_path):
    names = changed(file, tmp_path / "a.safetensors", classes='[["cat"], ["ring"], ["star", "ring"]]')
    with pytest.raises(ValueError, match="names and vectors do not belong together"):
        read_embeddings(names)
    vectors = {"strings": torch.zeros(4, 64, dtype=torch.float16)}
    with pytest.raises(ValueError, match="do not belong together"):
        read_embeddings(changed(file, tmp_path / "b.safetensors", vectors))


def test_other_and_damaged_files(classifier, file, tmp_path):
    with pytest.raises(FileNotFoundError, match="embed_vocabulary NAMES --output FILE"):
        read_embeddings(tmp_path / "gone.safetensors")
    with pytest.raises(ValueError, match="holds no class embeddings"):
        read_embeddings(changed(file, tmp_path / "c.safetensors", format="weights"))
    cut = tmp_path / "d.safetensors"
    cut.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ValueError, match="is damaged"):
        read_embeddings(cut)
    with pytest.raises(ValueError, match=r"written as \.safetensors, got 'v\.npz'"):
        write_embeddings(classifier, "v.npz")
    with pytest.raises(ValueError, match="no text encoder"):
        write_embeddings(VocabularyClassifier(vocabulary=classifier.vocabulary), file)
