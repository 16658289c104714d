import json

import pytest

from ovsam.inference.vocabulary_input import read_vocabulary
from ovsam.structures.vocabulary import Vocabulary

TRAINED = Vocabulary(
    "t", (("cat", "kitty"), ("dog",), ("bus",)), base=frozenset({0}), novel=frozenset({1})
)


def test_base_by_shared_synonym_all_others_novel():
    found = read_vocabulary(["Kitty", ("puppy", "dog"), "bus", "zebra"], TRAINED)
    assert found.names == ["Kitty", "puppy", "bus", "zebra"]
    assert found.base == {0}
    assert found.novel == {1, 2, 3}


def test_text_with_synonyms_is_one_class():
    found = read_vocabulary(["tabby, cat", "tape (sticky, brown)"], TRAINED)
    assert len(found) == 2
    assert found.base == {0}


def test_blank_and_repeated_names_are_left_out():
    assert read_vocabulary(["cat", "", "  ", "Cat", "a  b", "a b"], TRAINED).names == ["cat", "a b"]


def test_same_first_name_with_other_synonyms_stays_two_classes():
    found = read_vocabulary([("bat", "animal"), ("bat", "club"), "cat"], TRAINED)
    assert found.names == ["bat, animal", "bat, club", "cat"]


def test_known_lists_keep_their_own_split_where_they_are_the_trained_one():
    shapes = read_vocabulary("shapes", TRAINED)
    assert (len(shapes), len(shapes.base), len(shapes.novel)) == (80, 0, 80)
    assert read_vocabulary("shapes", shapes) is shapes


def test_files(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeffcat\n# remark\n\nzebra crossing\n", encoding="utf-8")
    assert read_vocabulary(tmp_path / "a.txt", TRAINED).names == ["cat", "zebra crossing"]
    (tmp_path / "b.json").write_text(json.dumps(["cat", ["dog", "puppy"]]))
    assert read_vocabulary(str(tmp_path / "b.json"), TRAINED).classes == (("cat",), ("dog", "puppy"))
    categories = [{"id": 7, "name": "late"}, {"id": 2, "name": "early"}]
    (tmp_path / "c.json").write_text(json.dumps({"categories": categories, "images": []}))
    assert read_vocabulary(tmp_path / "c.json", TRAINED).names == ["early", "late"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "empty"),
        (["", "\t"], "empty"),
        ([","], "holds no text"),
        (["x" * 600], "600 letters"),
        ([3], "must be text or a list of synonyms, got 3"),
        ("cat", "neither a known list"),
        (["a", "b", "c"], "more than 2 classes"),
    ],
)
def test_what_is_no_vocabulary_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        read_vocabulary(given, TRAINED, max_classes=2)


def test_broken_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.txt does not exist"):
        read_vocabulary(tmp_path / "gone.txt", TRAINED)
    (tmp_path / "a.json").write_text("[")
    with pytest.raises(ValueError, match="broken JSON"):
        read_vocabulary(tmp_path / "a.json", TRAINED)
    (tmp_path / "b.json").write_text('{"names": []}')
    with pytest.raises(ValueError, match="must hold a list"):
        read_vocabulary(tmp_path / "b.json", TRAINED)
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_vocabulary(tmp_path / "c.txt", TRAINED)


def test_strict_reading_names_what_is_empty_or_twice(tmp_path):
    for given in (["cat", ""], ["cat", "dog", "Cat"], [("cat", "puss"), "cat, puss"]):
        with pytest.raises(ValueError, match=r"1 names are empty or occur twice: (an|Cat|cat)"):
            read_vocabulary(given, TRAINED, is_strict=True)
    (tmp_path / "a.txt").write_text("cat\n\n# remark\ndog\n")
    assert len(read_vocabulary(tmp_path / "a.txt", TRAINED, is_strict=True)) == 2
