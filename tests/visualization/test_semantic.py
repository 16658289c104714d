"""Pictures of label maps: what they show, in pixels and in words."""

import numpy as np
import pytest

from ovsam.structures.semantic_prediction import UNLABELLED, SemanticPrediction
from ovsam.visualization.overlays import GAP, TITLE_HEIGHT
from ovsam.visualization.semantic import (
    WRONG_COLOUR,
    colour_of,
    draw_labels,
    draw_prediction,
    draw_pseudo_prompts,
    draw_semantic,
)

NAMES = ["wall", "sky", "tree"]


def scene():
    image = np.full((40, 60, 3), 128, np.uint8)
    truth = np.zeros((40, 60), np.int64)
    truth[:, 30:] = 1
    truth[:4] = 255
    return image, truth


def test_text_says_how_good_each_class_is():
    image, truth = scene()
    predicted = np.where(truth == 255, 2, truth)
    predicted[20:, :30] = 2
    picture = draw_semantic(image, truth, predicted, NAMES, ignore_index=255)
    assert picture.text == (
        "2 classes, 28 % of the pixels wrong; IoU wall 44 %, sky 100 %; tree (not there)"
    )
    assert (picture.num_right, picture.num_wrong) == (1, 1)


def test_wrong_pixels_are_orange_where_they_are_wrong_only():
    image, truth = scene()
    predicted = np.where(truth == 255, 0, truth)
    predicted[20:, :30] = 2
    sheet = draw_semantic(image, truth, predicted, NAMES, ignore_index=255, side=60).image
    assert sheet.shape[1] == 4 * 60 + 3 * GAP
    last = sheet[TITLE_HEIGHT : TITLE_HEIGHT + 40, 3 * (60 + GAP) :].astype(int)
    is_orange = last[..., 0] - last[..., 2] > 60
    assert (is_orange == (np.where(truth == 255, predicted, truth) != predicted)).all()
    assert WRONG_COLOUR[0] - WRONG_COLOUR[2] > 150


def test_a_class_keeps_its_colour_and_unknown_pixels_are_grey():
    image, truth = scene()
    image[..., 0] = 250
    drawn = draw_labels(image, truth, ["", "", ""], is_drawn=truth != 255, side=60)
    assert (np.ptp(drawn[:3].astype(int), axis=2) == 0).all()
    expected = image[0, 0] * 0.4 + np.array(colour_of(1)) * 0.6
    assert np.abs(drawn[35, 58].astype(int) - expected).max() <= 1


def test_colours_differ():
    assert len({colour_of(label) for label in range(847)}) > 700


def test_a_long_legend_ends_with_a_count():
    names = [f"class {i}" for i in range(40)]
    truth = np.repeat(np.arange(40), 60).reshape(40, 60)
    image = np.zeros((40, 60, 3), np.uint8)
    picture = draw_semantic(image, truth, truth, names, ignore_index=255)
    assert picture.text.startswith("40 classes, 0 % of the pixels wrong")
    assert picture.image.shape[0] < 400


def test_none_of_the_classes_has_no_colour():
    image, truth = scene()
    picture = draw_semantic(image, truth, np.full_like(truth, 3), NAMES, ignore_index=255)
    assert "100 % of the pixels wrong" in picture.text


def test_sizes_must_be_equal():
    image, truth = scene()
    with pytest.raises(ValueError, match="differ"):
        draw_semantic(image, truth, truth[1:], NAMES, ignore_index=255)


def test_pseudo_prompts_lie_in_the_picture_s_frame():
    image = np.full((40, 60, 3), 128, np.uint8)
    masks = np.zeros((3, 4, 6), bool)
    masks[0, 1:3, 1:3] = True
    masks[2, 3, 5] = True
    points = np.array([[1.5, 1.5], [0.5, 0.5], [5.5, 3.5]])
    plain = draw_pseudo_prompts(image, "cow", masks[:0], points[:0], side=60)
    drawn = draw_pseudo_prompts(image, "cow", masks, points, side=60)
    right = slice(60 + GAP, None)
    changed = (drawn != plain)[TITLE_HEIGHT:, right].any(axis=2)
    assert changed[15, 15]
    assert changed[36, 56]
    assert not changed[:20, 35:].any()
    with_heat = draw_pseudo_prompts(image, "cow", masks, points, similarity=masks[0] * 1.0, side=60)
    assert with_heat.shape[1] == 3 * 60 + 2 * GAP
    with pytest.raises(ValueError, match="3 masks and 2 points"):
        draw_pseudo_prompts(image, "cow", masks, points[:2])


def test_a_prediction_has_a_legend_and_grey_where_nothing_is_named():
    image, _ = scene()
    image[..., 0] = 250
    labels = np.zeros((40, 60), np.int32)
    labels[:, 30:] = 2
    labels[:10] = UNLABELLED
    prediction = SemanticPrediction(labels, np.ones((40, 60), np.float32), ("w" * 60, "sky", "tree"))
    drawn = draw_prediction(image, prediction, side=300)
    assert drawn.shape[1] == 300
    below = drawn[200:]
    for label in (0, 2):
        assert (below == colour_of(label)).all(axis=2).any()  # a swatch
    assert not (below == colour_of(1)).all(axis=2).any()
    assert (np.ptp(drawn[:40].astype(int), axis=2) == 0).all()
    with pytest.raises(ValueError, match="differ"):
        draw_prediction(image[1:], prediction)
