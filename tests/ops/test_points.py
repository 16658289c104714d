import numpy as np
import pytest

from ovsam.ops.points import centre_point, random_point


def slow_centre(mask: np.ndarray) -> tuple[int, int]:
    """Every pixel against every pixel outside, the ring around the image included."""
    padded = np.pad(mask, 1)
    outside = np.argwhere(~padded)
    inside = np.argwhere(padded)
    squared = ((inside[:, None] - outside[None]) ** 2).sum(axis=2).min(axis=1)
    row, column = inside[squared.argmax()]  # argwhere is in row order, argmax takes the first
    return int(column) - 1, int(row) - 1


@pytest.mark.parametrize("seed", range(12))
def test_centre_equals_exhaustive_search(seed):
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.random((5, 4)) < 0.6, np.ones((4, 7))).astype(bool)
    mask &= rng.random(mask.shape) < 0.97
    assert centre_point(mask) == slow_centre(mask)


def test_border_of_the_image_is_outside():
    assert centre_point(np.ones((9, 5), bool)) == (
        2,
        2,
    )  # ties in column 2: the first row with distance 3


def test_ties_go_to_the_first_in_row_order():
    mask = np.zeros((8, 13), bool)
    mask[4:7, 1:4] = mask[4:7, 8:11] = mask[0:1, 11:13] = True
    assert centre_point(mask) == (2, 5)


def test_one_pixel_is_its_own_centre():
    mask = np.zeros((5, 7), bool)
    mask[4, 6] = True
    assert centre_point(mask) == (6, 4)


def test_empty_mask_has_no_point():
    mask = np.zeros((5, 7), bool)
    rng = np.random.default_rng(0)
    assert centre_point(mask) is None
    assert random_point(mask, rng) is None
    assert rng.random() == np.random.default_rng(0).random(), "an empty mask used up a number"


def test_random_points_are_uniform_over_the_mask():
    mask = np.zeros((3, 7), bool)
    mask[0, :2] = mask[2, 4:] = True
    rng = np.random.default_rng(1)
    drawn = [random_point(mask, rng) for _ in range(5000)]
    counts = {point: drawn.count(point) for point in set(drawn)}
    assert set(counts) == {(0, 0), (1, 0), (4, 2), (5, 2), (6, 2)}
    assert min(counts.values()) > 880
    assert max(counts.values()) < 1120
