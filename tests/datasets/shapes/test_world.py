import numpy as np
import pytest

from ovsam.datasets.shapes import world
from ovsam.datasets.shapes.drawing import OUTLINES, draw_coverage
from ovsam.datasets.shapes.world import MIN_VISIBLE_FRACTION, draw_scene

SCENES = [draw_scene(seed=5, split="train", index=index, size=64) for index in range(40)]


def test_a_picture_does_not_depend_on_what_was_drawn_before():
    again = draw_scene(seed=5, split="train", index=17, size=64)
    np.testing.assert_array_equal(again.image, SCENES[17].image)
    np.testing.assert_array_equal(again.masks, SCENES[17].masks)


@pytest.mark.parametrize(
    "change", [dict(seed=6), dict(split="val"), dict(split="test"), dict(split="distill"), dict(index=4)]
)
def test_every_part_of_the_key_changes_the_picture(change):
    other = draw_scene(**{**dict(seed=5, split="train", index=3, size=64), **change})
    assert (other.image != SCENES[3].image).any()


def test_visible_parts_are_disjoint_and_large_enough():
    for scene in SCENES:
        assert scene.masks.sum(axis=0).max() == 1
        assert (scene.visible_fractions >= MIN_VISIBLE_FRACTION).all()
        assert (scene.visible_fractions <= 1).all()
        assert 1 <= len(scene.labels) <= 6
        assert len(scene.labels) == len(scene.masks) == len(scene.full_areas)


def test_some_objects_are_covered_and_the_nearest_never_is():
    fractions = np.concatenate([scene.visible_fractions for scene in SCENES])
    assert 0.1 < (fractions < 1).mean() < 0.6
    assert all(scene.visible_fractions[-1] == 1 for scene in SCENES)


def test_classes_are_uniform():
    labels = np.concatenate(
        [draw_scene(seed=0, split="val", index=index, size=32).labels for index in range(500)]
    )
    counts = np.bincount(labels, minlength=80)
    expected = len(labels) / 80
    # Chi-square with 79 degrees of freedom: beyond 130 once in four thousand.
    assert ((counts - expected) ** 2 / expected).sum() < 130


def test_the_mask_lies_on_the_colour():
    # A blue object's pixels are bluer than red, whatever light and texture do.
    for scene in SCENES:
        for label, mask in zip(scene.labels, scene.masks, strict=True):
            red, _, blue = scene.image[mask].mean(axis=0)
            if label // 10 == 5:
                assert blue > red + 40
            if label // 10 == 0:
                assert red > blue + 40


def test_a_ring_has_a_hole_and_a_circle_has_none():
    middle = np.array([20.0, 20.0])
    for shape, covered in (("ring", 0.0), ("circle", 1.0)):
        rows, columns, coverage = draw_coverage(shape, middle, 10.0, 0.3, 1.0, 40)
        assert coverage[20 - rows.start, 20 - columns.start] == covered


def test_coverage_is_the_area_of_the_outline():
    # A square of half side 7.4 px, turned. The border's own fine pixels count: up to 1/8 px all round.
    _, _, coverage = draw_coverage("square", np.array([20.3, 19.6]), 10.0, 0.4, 1.0, 40)
    assert 14.8**2 < coverage.sum() < 14.8**2 + 4 * 14.8 / 8 * 1.2


def test_coverage_is_where_the_outline_is():
    # The centre of mass of a symmetric outline is its centre, in px from the corner of the image.
    rows, columns, coverage = draw_coverage("bar", np.array([22.25, 17.5]), 12.0, 0.0, 1.0, 40)
    y, x = np.mgrid[rows, columns] + 0.5
    total = coverage.sum()
    assert (x * coverage).sum() / total == pytest.approx(22.25, abs=0.1)
    assert (y * coverage).sum() / total == pytest.approx(17.5, abs=0.1)


@pytest.mark.parametrize("shape", OUTLINES)
def test_outlines_fill_the_unit_circle(shape):
    radius = np.linalg.norm(OUTLINES[shape][0], axis=1).max()
    assert 0.85 < radius < 1.3


def test_unknown_split_and_too_small_a_picture_are_refused():
    with pytest.raises(ValueError, match="'training'; expected one of train, val"):
        draw_scene(seed=0, split="training", index=0)
    with pytest.raises(ValueError, match="32 px or more"):
        draw_scene(seed=0, split="train", index=0, size=16)


def test_the_world_of_this_version_is_this_one():
    """Whoever changes the drawing raises WORLD_VERSION, and these numbers with it."""
    scenes = [draw_scene(seed=0, split="test", index=index) for index in range(3)]
    assert world.WORLD_VERSION == 2
    assert [scene.labels.tolist() for scene in scenes] == [
        [51, 25, 67, 38],
        [58, 3, 21, 17, 59, 67],
        [29, 35],
    ]
    areas = np.concatenate([scene.masks.sum(axis=(1, 2)) for scene in scenes])
    expected = [778, 527, 335, 411, 444, 268, 855, 1018, 835, 410, 305, 1292]
    np.testing.assert_allclose(areas, expected, atol=3)
    np.testing.assert_allclose([scene.image.mean() for scene in scenes], [79.7, 138.4, 135.3], atol=0.2)
