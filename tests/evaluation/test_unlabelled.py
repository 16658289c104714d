"""Label maps whose background counts, by hand."""

import numpy as np
import pytest

from ovsam.evaluation.confusion import class_ious
from ovsam.evaluation.unlabelled import IGNORED, background_matrices, object_iou

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
