"""Figures of a confusion matrix, by hand."""

import numpy as np
import pytest

from ovsam.evaluation.confusion import (
    class_accuracies,
    class_ious,
    class_table,
    confusion_pairs,
    mean_percent,
    pixel_accuracy,
)

#: Class 1 never occurs but is predicted; the last column is none of the classes.
MATRIX = np.array([[6, 2, 0, 0], [0, 0, 0, 0], [1, 3, 4, 2]])
NAMES = ["cat", "dog", "fish"]


def test_ious_and_accuracies():
    np.testing.assert_allclose(class_ious(MATRIX), [6 / 9, np.nan, 4 / 10])
    np.testing.assert_allclose(class_accuracies(MATRIX), [6 / 8, np.nan, 4 / 10])
    assert pixel_accuracy(MATRIX) == pytest.approx(10 / 18)
    assert mean_percent(class_ious(MATRIX)) == pytest.approx(100 * (6 / 9 + 0.4) / 2)
    assert mean_percent(class_ious(MATRIX), [1]) is None


def test_table_and_pairs():
    rows = class_table(MATRIX, NAMES, ["seen", "", "unseen"])
    assert [row["pixels"] for row in rows] == [8, 0, 10]
    assert [row["predicted"] for row in rows] == [7, 5, 4]
    assert rows[1]["iou"] is None
    pairs = confusion_pairs(MATRIX, NAMES, num=3)
    assert [(p["truth"], p["predicted"], p["pixels"]) for p in pairs] == [
        ("fish", "dog", 3),
        ("cat", "dog", 2),
        ("fish", "(none of the classes)", 2),
    ]
    assert pairs[0]["percent"] == pytest.approx(30)
    assert len(confusion_pairs(MATRIX, NAMES, num=20)) == 4


def test_nothing_at_all():
    empty = np.zeros((2, 3), np.int64)
    assert np.isnan(class_ious(empty)).all()
    assert np.isnan(pixel_accuracy(empty))
    assert confusion_pairs(empty, ["a", "b"]) == []
