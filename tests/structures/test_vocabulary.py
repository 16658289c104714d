"""Vocabulary: validation, subsets, digest."""

import pytest

from ovsam.structures.vocabulary import Vocabulary


def pets(**changes):
    facts = dict(
        name="pets",
        classes=(("cat", "kitten"), ("dog",), ("fish",)),
        base=frozenset({0, 2}),
        novel=frozenset({1}),
        category_ids=(7, 3, 9),
    )
    return Vocabulary(**{**facts, **changes})


def test_subset_renumbers_labels_and_keeps_category_ids():
    part = pets().subset([2, 1], name="part")
    assert part.names == ["dog", "fish"]
    assert part.base == {1}
    assert part.novel == {0}
    assert part.label_of_category == {3: 0, 9: 1}


def test_digest_depends_on_synonyms_and_split_but_not_on_the_name():
    assert pets().digest() == pets(name="animals").digest()
    assert pets().digest() != pets(novel=frozenset()).digest()
    assert pets().digest() != pets(classes=(("cat",), ("dog",), ("fish",))).digest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(classes=()), "no classes"),
        (dict(classes=(("cat",), (" ",), ("fish",))), "class 1 has an empty name"),
        (dict(classes=(("cat",), ("cat",), ("fish",))), "names occur twice"),
        (dict(novel=frozenset({0})), r"in both \[0\]"),
        (dict(novel=frozenset({5})), r"outside \[5\]"),
        (dict(category_ids=(1, 1, 2)), "3 distinct category ids"),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        pets(**changes)
