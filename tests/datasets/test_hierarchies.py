import json

import pytest

from ovsam.datasets.hierarchies import get_hierarchy
from ovsam.structures.vocabulary import Vocabulary

ANIMALS = Vocabulary("animals", (("brown_bear", "bruin"), ("bear",), ("cup",)))


def test_drawn_things_have_attributes():
    words = Vocabulary.from_names(["red star with blue dots", "pink bar", "cat"])
    assert get_hierarchy("shapes", words).levels == {
        "colour": ("red", "pink", ""),
        "shape": ("star", "bar", ""),
        "pattern": ("dots", "plain", ""),
        "pattern colour": ("blue", "", ""),
    }
    with pytest.raises(ValueError, match="no name of 'animals' is that of a drawn thing"):
        get_hierarchy("shapes", ANIMALS)


def test_parents_from_a_file_by_any_synonym(tmp_path):
    file = tmp_path / "parents.json"
    file.write_text(json.dumps({"Bruin": "Bear", "bear": "animal", "animal": "thing"}))
    assert get_hierarchy(file, ANIMALS).levels == {
        "parent": ("Bear", "animal", ""),
        "parent 2": ("animal", "thing", ""),
        "parent 3": ("thing", "", ""),
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("wordnet", "WordNet's hypernyms are not at hand"),
        ("parents.txt", "must be 'shapes' or a .json file"),
        ({"cat": "animal"}, "names a parent of no class of 'animals'"),
        ({"bear": 3}, "are broken"),
        ({"bear": "animal", "animal": "bear"}, "form a ring"),
    ],
)
def test_what_is_no_hierarchy(given, message):
    with pytest.raises(ValueError, match=message):
        get_hierarchy(given, ANIMALS)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="give a file of parents"):
        get_hierarchy(tmp_path / "gone.json", ANIMALS)
