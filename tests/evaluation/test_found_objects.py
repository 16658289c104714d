"""Pairs of masks and objects, by hand."""

import numpy as np

from ovsam.evaluation.found_objects import FoundObjects, count_found


def square(left, right, top=0, bottom=6):
    mask = np.zeros((6, 20), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_each_mask_and_each_object_is_in_one_pair():
    truth = np.stack([square(0, 6), square(10, 16)])
    found = np.stack([square(0, 6), square(0, 5), square(10, 13), square(6, 9)])
    # The double of object 0 is none; half of object 1 has IoU 0.5 and is one; the last is nothing.
    assert count_found(truth, found) == FoundObjects(objects=2, masks=4, pairs=2)
    assert count_found(truth, found, min_iou=0.51) == FoundObjects(2, 4, 1)


def test_as_many_pairs_as_possible():
    """Mask 0 fits both objects, mask 1 only the first: a greedy choice could lose a pair."""
    truth = np.stack([square(0, 8), square(0, 10)])
    found = np.stack([square(0, 9), square(0, 7)])
    assert count_found(truth, found, min_iou=0.75).pairs == 2


def test_nothing_is_counted_too():
    none = np.zeros((0, 6, 20), bool)
    truth = square(0, 6)[None]
    assert count_found(truth, none) == FoundObjects(1, 0, 0)
    assert count_found(none, truth) == FoundObjects(0, 1, 0)
    assert FoundObjects(0, 1, 0).recall == FoundObjects(1, 0, 0).precision == FoundObjects().f1 == 0


def test_counts_add_up_to_percent():
    sum_of_two = FoundObjects(3, 5, 2) + FoundObjects(5, 3, 2)
    assert sum_of_two == FoundObjects(8, 8, 4)
    assert (sum_of_two.recall, sum_of_two.precision, sum_of_two.f1) == (50, 50, 50)
    assert FoundObjects(4, 8, 3).recall == 75
    assert FoundObjects(4, 8, 3).precision == 37.5
    assert FoundObjects(4, 8, 3).f1 == 50
