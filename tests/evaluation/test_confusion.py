"""Figures of a confusion matrix, by hand."""

import numpy as np
import pytest

from ovsam.evaluation.confusion import (
    IGNORED,
    background_matrices,
    class_accuracies,
    class_ious,
    class_table,
    confusion_pairs,
    mean_percent,
    object_iou,
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


BACK = 2  # two classes, then the background
TRUTH = np.array([[0, 0, 0, BACK], [1, 1, BACK, BACK], [IGNORED, IGNORED, BACK, BACK]])
LABELS = np.array([[0, 0, 1, 0], [1, 1, 1, 2], [0, 1, 0, 0]])  # 2: a class that the truth does not know
SCORES = np.array([[0.9, 0.5, 0.8, 0.2], [0.7, 0.3, 0.6, 0.9], [0.9, 0.9, 0.1, 0.4]])


def test_pixels_below_the_threshold_are_background_in_the_prediction():
    everything, half = background_matrices(TRUTH, LABELS, SCORES, 2, [0.0, 0.5])
    # Columns: class 0, class 1, background, a class that the truth does not know.
    assert everything.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [3, 1, 0, 1]]
    assert half.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 1, 3, 1]]
    np.testing.assert_allclose(class_ious(half), [2 / 3, 1 / 4, 3 / 6])


def test_objects_against_all_that_is_named():
    everything, half = background_matrices(TRUTH, LABELS, SCORES, 2, [0.0, 0.5])
    assert object_iou(everything) == 5 / 10
    assert object_iou(half) == 4 / 7
    nothing = background_matrices(TRUTH, LABELS, SCORES, 2, [1.0])[0]
    assert object_iou(nothing) == 0


def test_a_class_that_the_truth_does_not_know_is_never_the_background():
    truth, labels, scores = np.full((1, 2), BACK), np.array([[2, 2]]), np.array([[0.4, 0.6]])
    [found] = background_matrices(truth, labels, scores, 2, [0.5])
    assert found[BACK].tolist() == [0, 0, 1, 1]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="one size"):
        background_matrices(TRUTH, LABELS[:2], SCORES, 2, [0.5])
    with pytest.raises(ValueError, match=r"truth must be -1\.\.2, got -1\.\.3"):
        background_matrices(np.where(TRUTH == BACK, 3, TRUTH), LABELS, SCORES, 2, [0.5])
    with pytest.raises(ValueError, match=r"labels must be 0\.\.2"):
        background_matrices(TRUTH, LABELS - 1, SCORES, 2, [0.5])
