"""The opened pictures that the page keeps."""

import numpy as np
import pytest

from ovsam.demo.pictures import PictureStore


def grey(level, side=10):
    return np.full((side, side + 1, 3), level, np.uint8)


def test_the_newest_pictures_are_kept_up_to_so_many_bytes():
    store = PictureStore(max_bytes=2 * grey(0).nbytes)
    example = store.put(grey(9), "example.png", always=True)
    first, second = store.put(grey(1), "a.png"), store.put(grey(2), "b.png")
    assert store.pixels(first)[0, 0, 0] == 1  # now the second is the oldest
    third = store.put(grey(3), "c.png")
    with pytest.raises(ValueError, match="open it again"):
        store.pixels(second)
    assert [store.pixels(p)[0, 0, 0] for p in (example, first, third)] == [9, 1, 3]
    assert store.num_bytes == 2 * grey(0).nbytes


def test_a_picture_that_is_too_large_alone_is_kept_until_the_next():
    store = PictureStore(max_bytes=10)
    large = store.put(grey(1), "a.png")
    assert store.pixels(large).shape == (10, 11, 3)
    store.put(grey(2), "b.png")
    with pytest.raises(ValueError, match="open it again"):
        store.pixels(large)


def test_a_picture_that_is_opened_twice_counts_once():
    store = PictureStore(max_bytes=10_000)
    assert store.put(grey(1), "a.png") == store.put(grey(1), "a.png")
    assert store.num_bytes == grey(1).nbytes
