"""Large lists of names on the page: offered, searched, and read once."""

import pytest
import torch

from ovsam.demo import word_lists
from ovsam.demo.page import with_chosen
from ovsam.demo.word_lists import OWN_WORDS, SHOWN_MATCHES, WordLists
from ovsam.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(4)
    return Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")


def test_large_lists_are_offered_where_the_page_is_told_so(tmp_path):
    assert WordLists(200).names[:2] == [OWN_WORDS, "ade20k_150"]
    assert "shapes22k" not in WordLists(50_000).names
    file = str(tmp_path / "mine.txt")
    assert {"shapes22k", "mine"} < set(WordLists(200, ["shapes22k", file]).names)


def test_typing_filters_all_drawn_names(predictor):
    lists = WordLists(200, ["shapes22k"])
    names, found, total = lists.search("shapes22k", "Red  st", predictor)
    assert total == 24_000
    assert found > len(names) == SHOWN_MATCHES
    assert names[0] == "red star"
    assert all(name.startswith("red st") for name in names)
    names, found, _ = lists.search("shapes22k", "dots pink star", predictor)  # in any order
    assert found == 22  # pink dots on a star of 11 colours, and a pink star with dots of 11
    assert all({"dots", "star", "pink"} <= set(name.split()) for name in names)
    assert lists.search("shapes22k", "unicorn", predictor)[:2] == ([], 0)
    assert lists.search(OWN_WORDS, "", predictor)[1:] == (80, 80)


def test_a_list_is_read_once(predictor, tmp_path, monkeypatch):
    file = tmp_path / "mine.txt"
    file.write_text("cat\ndog\n")
    lists = WordLists(200, [str(file)])
    first = lists.read("mine", predictor)
    file.unlink()
    assert lists.read("mine", predictor) is first
    assert first.names == ["cat", "dog"]
    assert lists.read(OWN_WORDS, predictor) is None
    for unknown in (str(file), "no list"):
        with pytest.raises(ValueError, match="unknown list of words"):
            lists.read(unknown, predictor)
    assert {"shapes22k", "v3det", "imagenet21k"} <= word_lists.LARGE_LISTS


def test_chosen_names_join_those_typed():
    assert with_chosen("", ["red star"]) == "red star"
    assert with_chosen("red ball; dog", ["dog", "sofa, couch"]) == "red ball, dog, sofa"
