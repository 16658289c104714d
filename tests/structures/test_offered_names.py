import itertools

import pytest

from ovsam.structures.offered_names import labels_in, offered_labels, split_for
from ovsam.structures.vocabulary import Vocabulary

NAMES = Vocabulary.from_names([f"thing {n}" for n in range(50)])


def test_sets_grow_around_the_evaluated_classes():
    sets = [offered_labels(NAMES, {3, 40}, size, seed=1) for size in (2, 5, 20, 50)]
    assert sets[0] == (3, 40)
    for smaller, larger in itertools.pairwise(sets):
        assert set(smaller) < set(larger)
    assert [len(labels) for labels in sets] == [2, 5, 20, 50]
    assert list(sets[2]) == sorted(sets[2])
    assert sets[2] == offered_labels(NAMES, {40, 3}, 20, seed=1)
    assert sets[2] != offered_labels(NAMES, {3, 40}, 20, seed=2)


@pytest.mark.parametrize("size", [1, 51])
def test_too_few_and_too_many(size):
    with pytest.raises(ValueError, match=rf"must have 2 .* to 50 of 'custom', got {size}"):
        offered_labels(NAMES, {3, 40}, size, seed=1)


def test_classes_are_found_by_name_then_by_shared_string():
    words = Vocabulary("w", (("cat", "puss"), ("bat (club)",), ("bat",), ("sofa/couch",)))
    assert labels_in(words, [("bat",), ("Couch",), ("kitty", "puss")]) == [2, 3, 0]
    with pytest.raises(ValueError, match=r"'w' lacks 1 names: \['dog'\]"):
        labels_in(words, [("cat",), ("dog",)])


def test_what_was_learnt_is_base():
    trained = Vocabulary("t", (("cat", "kitty"), ("dog",)), base=frozenset({0}), novel=frozenset({1}))
    found = split_for(trained, "w", [("dog",), ("Kitty",)])
    assert (found.base, found.novel) == ({1}, {0})
    assert split_for(trained, "w", trained.classes) is trained
