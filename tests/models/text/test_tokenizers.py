from dataclasses import replace

import pytest
import torch

from ovsam.datasets.shapes.classes import CLASS_NAMES
from ovsam.models.backbones.clip_specs import CLIP_SPECS
from ovsam.models.text.templates import MINI_TEMPLATES
from ovsam.models.text.tokenizers import tokenize, tokenize_words, word_id

MINI = CLIP_SPECS["shapes-rn"].text


def test_words_stand_between_start_and_end():
    ids = tokenize_words(["A red circle!", "bar"], context_length=7, vocabulary_size=50)
    red, circle, a, bar = (word_id(word, 50) for word in ("red", "circle", "a", "bar"))
    assert ids.tolist() == [[1, a, red, circle, 49, 0, 0], [1, bar, 49, 0, 0, 0, 0]]


def test_long_sentences_are_cut_before_the_end_token():
    ids = tokenize_words(["one two three four five"], context_length=4, vocabulary_size=50)
    assert ids.tolist() == [[1, word_id("one", 50), word_id("two", 50), 49]]


def test_ids_are_the_same_on_every_machine():
    assert word_id("circle", 2048) == 54
    assert all(2 <= word_id(str(number), 5) < 4 for number in range(100))


def test_words_of_the_miniature_do_not_collide():
    sentences = [t.format(f"{name} and") for t in MINI_TEMPLATES for name in CLASS_NAMES]
    words = {word for sentence in sentences for word in sentence.split()}
    assert len({word_id(word, MINI.vocabulary_size) for word in words}) == len(words)


def test_byte_pairs_are_clips():
    ids = tokenize(["a cat"], CLIP_SPECS["RN50"].text)
    assert ids[0, :5].tolist() == [49406, 320, 2368, 49407, 0]
    assert ids.dtype == torch.int64


def test_unknown_tokenizer():
    with pytest.raises(ValueError, match="'bpe' or 'words'"):
        tokenize(["a"], replace(MINI, tokenizer="letters"))
