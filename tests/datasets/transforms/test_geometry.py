import copy
import tracemalloc

import numpy as np
import pytest

from ovsam.datasets.transforms.geometry import (
    RandomFlip,
    RandomResizeCrop,
    ResizeLongSide,
    resized_shape,
)
from ovsam.ops.masks import resize_masks

BOXES = np.array([[2, 1, 8, 5], [10, 3, 13, 12]], np.float32)


def results(seed: int = 0) -> dict:
    """A picture of (15, 20) whose two instances are rectangles, each in a colour of its own."""
    image, masks = np.zeros((15, 20, 3), np.uint8), np.zeros((2, 15, 20), bool)
    for row, (x0, y0, x1, y1) in enumerate(BOXES.astype(int)):
        masks[row, y0:y1, x0:x1] = True
        image[masks[row], row] = 255
    return dict(
        img=image,
        ori_shape=(15, 20),
        img_shape=(15, 20),
        scale_factor=(1.0, 1.0),
        labels=np.array([7, 4]),
        bboxes=BOXES.copy(),
        masks=masks,
        rng=np.random.default_rng(seed),
    )


def assert_together(found: dict, tolerance: int = 0) -> None:
    """Boxes, masks and colours are at one place."""
    colour_of_label = {7: 0, 4: 1}
    for label, box, mask in zip(found["labels"], found["bboxes"], found["masks"], strict=True):
        coloured = found["img"][..., colour_of_label[int(label)]] > 127
        assert np.count_nonzero(coloured ^ mask) <= tolerance
        rows, columns = mask.nonzero()
        tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, tight, atol=0.75 if tolerance else 1e-4)


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((480, 640), 1024, (768, 1024)),
        ((427, 640), 1024, (683, 1024)),  # 683.2
        ((640, 425), 1024, (1024, 680)),
        ((333, 500), 1024, (682, 1024)),  # 681.98
        ((3, 1000), 100, (1, 100)),  # 0.3 would leave nothing
    ],
)
def test_sides_are_rounded_as_sam_rounds(shape, size, expected):
    assert resized_shape(shape, size) == expected


@pytest.mark.parametrize("size", [40, 60, 10])
def test_resize_moves_everything_together(size):
    found = ResizeLongSide(size=size).transform(results())
    assert max(found["img"].shape[:2]) == size
    assert found["img_shape"] == found["img"].shape[:2] == found["masks"].shape[1:]
    assert_together(found, tolerance=12)
    np.testing.assert_allclose(found["bboxes"], BOXES * np.tile(found["scale_factor"], 2), rtol=1e-6)


def test_scale_factor_is_of_the_rounded_sides():
    found = ResizeLongSide(size=7).transform(results())
    assert found["img"].shape[:2] == (5, 7)
    assert found["scale_factor"] == (7 / 20, 5 / 15)


def test_original_masks_are_kept_on_request():
    found = ResizeLongSide(size=40, keep_original_masks=True).transform(results())
    np.testing.assert_array_equal(found["original_masks"], results()["masks"])
    assert "original_masks" not in ResizeLongSide(size=40).transform(results())


def test_a_picture_alone_can_be_resized():
    found = {key: value for key, value in results().items() if key not in ("labels", "bboxes", "masks")}
    assert ResizeLongSide(size=40).transform(found)["img"].shape == (30, 40, 3)


def test_flip_mirrors_everything():
    found = RandomFlip(probability=1.0).transform(results())
    assert found["is_flipped"]
    np.testing.assert_array_equal(found["bboxes"], [[12, 1, 18, 5], [7, 3, 10, 12]])
    assert_together(found)


def test_flip_has_its_probability():
    flip = RandomFlip(probability=0.25)
    rng = np.random.default_rng(0)
    flipped = sum(flip.transform({**results(), "rng": rng})["is_flipped"] for _ in range(2000))
    assert 430 < flipped < 570


@pytest.mark.parametrize("seed", range(8))
def test_crop_cuts_everything_together(seed):
    transform = RandomResizeCrop(size=24, ratio_range=(1.0, 2.0), min_mask_area=6)
    found = transform.transform(results(seed))
    assert max(found["img"].shape[:2]) <= 24
    assert found["img_shape"] == found["img"].shape[:2] == found["masks"].shape[1:]
    assert_together(found, tolerance=40)
    assert (found["masks"].sum(axis=(1, 2)) >= 6).all()
    assert (found["bboxes"][:, :2] >= 0).all()
    assert (found["bboxes"][:, 2:] <= found["img_shape"][::-1]).all()


@pytest.mark.parametrize("ratio", [0.31, 0.8, 1.0, 1.7, 2.9])
def test_masks_of_the_window_are_those_of_the_whole_resize(ratio):
    rng = np.random.default_rng(1)
    found = {**results(3), "masks": rng.random((2, 15, 20)) < 0.5}
    whole = resize_masks(found["masks"], resized_shape((15, 20), 20 * ratio))
    transform = RandomResizeCrop(size=20, ratio_range=(ratio, ratio), min_mask_area=1)
    window = transform.transform(dict(found))["masks"]
    height, width = window.shape[1:]
    places = [
        (top, left)
        for top in range(whole.shape[1] - height + 1)
        for left in range(whole.shape[2] - width + 1)
        if np.array_equal(whole[:, top : top + height, left : left + width], window)
    ]
    assert places
    assert (height, width) == tuple(min(20, side) for side in whole.shape[1:])


def test_of_many_masks_only_the_window_is_made():
    """300 whole masks of 2048 x 1536 px would be 940 MB; those of the window are 75 MB."""
    found = results()
    found.update(
        img=np.zeros((120, 160, 3), np.uint8),
        masks=np.ones((300, 120, 160), bool),
        bboxes=np.tile(np.array([0, 0, 160, 120], np.float32), (300, 1)),
        labels=np.arange(300),
    )
    transform = RandomResizeCrop(size=512, ratio_range=(4.0, 4.0))
    tracemalloc.start()
    cut = transform.transform(found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cut["masks"].shape == (300, 512, 512)
    assert peak < 4 * cut["masks"].nbytes  # whole ones would be 12 times as much


def test_small_pictures_are_not_blown_up_to_the_window():
    found = RandomResizeCrop(size=40, ratio_range=(0.5, 0.5), min_mask_area=1).transform(results())
    assert found["img"].shape[:2] == (15, 20)
    np.testing.assert_array_equal(found["bboxes"], BOXES)


def test_a_cut_box_is_the_tight_box_of_what_is_left():
    found = results()
    found["masks"][0, 1:3] = False  # the mask no longer fills its box
    transform = RandomResizeCrop(size=6, ratio_range=(20 / 6, 20 / 6), min_mask_area=1)
    for seed in range(40):
        cut = transform.transform({**found, "rng": np.random.default_rng(seed)})
        if cut is not None and 7 in cut["labels"]:
            row = cut["labels"].tolist().index(7)
            rows, columns = cut["masks"][row].nonzero()
            tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            if cut["bboxes"][row].tolist() == tight:
                return
    raise AssertionError("no window cut the first box")


def test_a_window_without_instances_is_nothing():
    transform = RandomResizeCrop(size=24, ratio_range=(1.0, 1.0), min_mask_area=10**6)
    assert transform.transform(results()) is None


@pytest.mark.parametrize(
    "transform",
    [ResizeLongSide(size=10), RandomFlip(probability=1.0), RandomResizeCrop(size=9, min_mask_area=1)],
)
def test_annotations_are_not_changed_in_place(transform):
    given = results()
    before = {key: value.copy() for key, value in given.items() if isinstance(value, np.ndarray)}
    arrays = {key: given[key] for key in before}
    for array in arrays.values():
        array.setflags(write=False)
    transform.transform(copy.copy(given))
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, before[key])
