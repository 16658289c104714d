import json

import numpy as np
import pytest

from ovsam.ops.masks import (
    areas_of_segmentations,
    decode_segmentations,
    encode_masks,
    paired_iou,
    resize_masks,
)


def some_masks(num: int = 3, height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.default_rng(4).random((num, height, width)) < 0.4


def test_codes_survive_json_and_give_the_masks_back():
    masks = some_masks()
    codes = json.loads(json.dumps(encode_masks(masks)))
    decoded = decode_segmentations(codes, (5, 7))
    assert decoded.dtype == bool
    np.testing.assert_array_equal(decoded, masks)


def test_uncompressed_code_runs_down_the_columns():
    # 2 x 3: one background pixel, then four of the object, then one of background.
    decoded = decode_segmentations([{"size": [2, 3], "counts": [1, 4, 1]}], (2, 3))
    np.testing.assert_array_equal(decoded[0], [[0, 1, 1], [1, 1, 0]])


def test_polygons_of_one_instance_are_joined():
    left, right = [0, 0, 2, 0, 2, 4, 0, 4], [5, 0, 7, 0, 7, 4, 5, 4]
    decoded = decode_segmentations([[left, right]], (4, 7))[0]
    np.testing.assert_array_equal(decoded, np.tile([1, 1, 0, 0, 0, 1, 1], (4, 1)))


def test_areas_are_those_of_the_drawn_masks():
    masks = some_masks()
    segmentations = [
        *encode_masks(masks),
        {"size": [5, 7], "counts": [3, 4, 28]},
        [[0, 0, 2, 0, 2, 4, 0, 4], [5, 0, 7, 0, 7, 4, 5, 4]],
        [[3, 3, 3, 3, 3, 3]],
    ]
    areas = areas_of_segmentations(segmentations, (5, 7))
    np.testing.assert_array_equal(areas, decode_segmentations(segmentations, (5, 7)).sum(axis=(1, 2)))
    assert areas[-3:].tolist() == [4, 16, 0]
    assert areas_of_segmentations([], (5, 7)).tolist() == []


def test_no_instances_give_an_empty_stack():
    assert decode_segmentations([], (5, 7)).shape == (0, 5, 7)
    assert encode_masks(np.zeros((0, 5, 7), bool)) == []


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], "is empty"),
        (None, "neither"),
        ([[0, 0, 1, 1]], "3 points"),
        ([[0, 0, 1, 1, 2, 2, 3]], "3 points"),
        ({"size": [7, 5], "counts": "0"}, r"\(7, 5\), the image has \(5, 7\)"),
        ({"size": [5, 7], "counts": [3, 4]}, "sum to 7, expected 35"),
        ({"size": [5, 7]}, "needs counts"),
    ],
)
def test_broken_segmentation_is_refused(segmentation, message):
    with pytest.raises(ValueError, match=message):
        decode_segmentations([segmentation], (5, 7))


def test_paired_iou_by_hand():
    first, second = np.zeros((3, 2, 5), bool), np.zeros((3, 2, 5), bool)
    first[0, 0, :4], second[0, 0, 1:] = True, True  # 3 common of 5
    first[1, 1] = True  # against nothing
    np.testing.assert_allclose(paired_iou(first, second), [3 / 5, 0.0, 0.0])


@pytest.mark.parametrize("shape", [(3, 700, 900), (2, 1, 400_000), (2, 300_000, 1)])
def test_paired_iou_of_masks_larger_than_a_band_and_of_any_layout(shape):
    rng = np.random.default_rng(1)
    first, second = (rng.random(shape) < 0.3 for _ in range(2))
    expected = (first & second).sum(axis=(1, 2)) / (first | second).sum(axis=(1, 2))
    np.testing.assert_array_equal(paired_iou(first, second), expected)
    columns_first = np.ascontiguousarray(first.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_array_equal(paired_iou(columns_first, second), expected)
    np.testing.assert_array_equal(paired_iou(first[:, ::-1], second[:, ::-1]), expected)


@pytest.mark.parametrize("shape", [(0, 4, 5), (2, 0, 5), (2, 4, 0)])
def test_paired_iou_of_nothing(shape):
    np.testing.assert_array_equal(paired_iou(*[np.zeros(shape, bool)] * 2), np.zeros(shape[0]))


def test_paired_iou_refuses_broadcasting():
    with pytest.raises(ValueError, match="one shape"):
        paired_iou(some_masks(1), some_masks(3))


def test_resize_takes_the_pixel_under_each_centre():
    masks = some_masks()
    doubled = resize_masks(masks, (10, 14))
    np.testing.assert_array_equal(doubled, masks.repeat(2, axis=1).repeat(2, axis=2))
    np.testing.assert_array_equal(resize_masks(doubled[:, 1:, 1:], (3, 13))[:, 0], doubled[:, 2, 1:])


def test_resize_to_the_same_size_is_the_mask_itself():
    masks = some_masks()
    assert resize_masks(masks, (5, 7)) is masks
