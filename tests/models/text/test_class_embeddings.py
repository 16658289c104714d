import pytest
import torch
from torch.nn import functional as F

from ovsam.models.text.class_embeddings import (
    class_logits,
    class_strings,
    embed_vocabulary,
    synonym_table,
)
from ovsam.models.text.templates import MINI_TEMPLATES, VILD_TEMPLATES
from ovsam.structures.vocabulary import Vocabulary


class LetterCounts:
    """A text encoder whose vectors can be counted by hand: how often a, b and c occur."""

    embed_dim = 3

    def encode(self, sentences):
        return torch.tensor(
            [[s.count(letter) for letter in "abc"] for s in sentences], dtype=torch.float
        )


@pytest.mark.parametrize(
    ("name", "strings"),
    [
        ("Traffic_Light", ["traffic light"]),
        ("flip_flop_or_sandal", ["flip flop", "sandal"]),
        ("car,cars", ["car", "cars"]),
        ("cup / mug", ["cup", "mug"]),
        ("tape_(sticky_cloth_or_paper)", ["tape (sticky cloth or paper)"]),
        ("bow_(decorative,_ribbons)_or_bow", ["bow (decorative, ribbons)", "bow"]),
        ("door", ["door"]),
    ],
)
def test_strings_of_a_class_name(name, strings):
    assert class_strings(name) == strings


def test_name_without_text():
    with pytest.raises(ValueError, match="no text"):
        class_strings(" , _")


def test_missing_synonyms_repeat_the_first():
    vocabulary = Vocabulary(name="v", classes=(("Person", "child,girl"), ("cat",)))
    assert synonym_table(vocabulary) == [["person", "child", "girl"], ["cat", "cat", "cat"]]


def test_embeddings_are_normalised_before_and_after_the_mean_over_templates():
    vocabulary = Vocabulary(name="v", classes=(("a", "b"), ("bbb",)))
    embeddings = embed_vocabulary(LetterCounts(), vocabulary, ["{}", "{} ccc"])
    # "a" -> (1, 0, 0); "a ccc" -> (1, 0, 3) / sqrt(10)
    first = F.normalize(torch.tensor([1 + 0.1**0.5, 0, 3 * 0.1**0.5]), dim=0)
    # "bbb" -> (0, 1, 0); "bbb ccc" -> (0, 1, 1) / sqrt(2)
    second = F.normalize(torch.tensor([0, 1 + 0.5**0.5, 0.5**0.5]), dim=0)
    assert embeddings.shape == (2, 2, 3)
    torch.testing.assert_close(embeddings[0, 0], first)
    torch.testing.assert_close(embeddings[1], second.repeat(2, 1))


@pytest.mark.parametrize("templates", [[], ["a photo"]])
def test_templates_must_take_a_name(templates):
    with pytest.raises(ValueError, match="templates must be sentences"):
        embed_vocabulary(LetterCounts(), Vocabulary.from_names(["a"]), templates)


def test_logits_take_the_best_synonym_and_background_is_zero():
    embeddings = torch.tensor([[[1.0, 0], [0, 1]], [[-1, 0], [-1, 0]], [[0.6, 0.8], [0.8, 0.6]]])
    logits = class_logits(torch.tensor([[0.0, 5.0], [2.0, 0.0]]), embeddings, scale=100.0)
    expected = torch.tensor([[100.0, 0.0, 80.0, 0.0], [100.0, -100.0, 80.0, 0.0]])
    torch.testing.assert_close(logits, expected)


def test_templates():
    assert len(set(VILD_TEMPLATES)) == 14
    for template in VILD_TEMPLATES + MINI_TEMPLATES:
        assert template.format("cat").count("cat") == 1
