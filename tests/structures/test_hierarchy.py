import numpy as np
import pytest

from ovsam.structures.hierarchy import Hierarchy

PETS = Hierarchy("pets", {"parent": ("cat", "dog", "dog", ""), "parent 2": ("", "", "", "")})


def test_the_best_group_is_that_of_the_largest_sum():
    probs = np.array([[0.4, 0.3, 0.2, 0.0], [0.1, 0.0, 0.0, 0.9]], np.float32)
    (first,), (second,) = PETS.best(probs)
    assert first[:2] == ("parent", "dog")
    assert first[2] == pytest.approx(0.5)
    assert second == ("parent", "cat", pytest.approx(0.1))  # a class without parent has no group


def test_every_level_has_its_own_best():
    shapes = Hierarchy("s", {"colour": ("red", "red", "blue"), "shape": ("bar", "ring", "ring")})
    [row] = shapes.best(np.array([[0.1, 0.35, 0.4]], np.float32))
    assert [group[:2] for group in row] == [("colour", "red"), ("shape", "ring")]
    assert [group[2] for group in row] == pytest.approx([0.45, 0.75])
    assert shapes.best(np.zeros((0, 3), np.float32)) == []
    assert len(shapes) == 3


def test_levels_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="levels of one length"):
        Hierarchy("x", {"a": ("b",), "c": ("d", "e")})
    with pytest.raises(ValueError, match="levels of one length"):
        Hierarchy("x", {})
