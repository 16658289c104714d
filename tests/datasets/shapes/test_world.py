import numpy as np
import pytest

from ovsam.datasets.shapes import world
from ovsam.datasets.shapes.classes import ALL_LOOKS, CLASS_LOOKS, HELD_OUT_LOOKS, PATTERNS, Look
from ovsam.datasets.shapes.drawing import OUTLINES, place_shape
from ovsam.datasets.shapes.world import draw_scene, draw_single, draw_web_picture

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
        assert (scene.visible_fractions >= 0.5).all()
        assert (scene.visible_fractions <= 1).all()
        assert 1 <= len(scene.labels) <= 7
        assert len(scene.labels) == len(scene.masks) == len(scene.full_areas)


def test_some_objects_are_covered_and_the_nearest_never_is():
    fractions = np.concatenate([scene.visible_fractions for scene in SCENES])
    assert 0.1 < (fractions < 1).mean() < 0.6
    assert 0.005 < (fractions < 0.75).mean() < 0.1  # most keep three quarters, some only a half
    assert all(scene.visible_fractions[-1] == 1 for scene in SCENES)


def test_classes_repeat_within_a_picture():
    repeats = [len(scene.labels) - len(set(scene.labels.tolist())) for scene in SCENES]
    assert 0.1 < sum(repeats) / sum(len(scene.labels) for scene in SCENES) < 0.3


def test_classes_are_uniform():
    labels = np.concatenate(
        [draw_scene(seed=0, split="val", index=index, size=32).labels for index in range(500)]
    )
    counts = np.bincount(labels, minlength=80)
    expected = len(labels) / 80
    # Chi-square with 79 degrees of freedom: beyond 130 once in four thousand. A fifth of the objects are
    # repetitions, which adds as much again to its spread.
    assert ((counts - expected) ** 2 / expected).sum() < 170


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
        placed = place_shape(shape, middle, 10.0, 0.3, 1.0, 40)
        rows, columns = placed.where
        assert placed.coverage[20 - rows.start, 20 - columns.start] == covered


def test_coverage_is_the_area_of_the_outline():
    # A square of half side 7.4 px, turned. The border's own fine pixels count: up to 1/8 px all round.
    placed = place_shape("square", np.array([20.3, 19.6]), 10.0, 0.4, 1.0, 40)
    assert placed.full_area == pytest.approx(14.8**2, rel=1e-4)
    assert 14.8**2 < placed.coverage.sum() < 14.8**2 + 4 * 14.8 / 8 * 1.2


def test_a_hole_is_no_area_and_a_picture_cuts_none_off():
    ring = place_shape("ring", np.array([20.0, 20.0]), 10.0, 0.0, 1.0, 40)
    cut = place_shape("ring", np.array([0.0, 20.0]), 10.0, 0.0, 1.0, 40)
    assert ring.full_area == pytest.approx(np.pi * (9.4**2 - 5.2**2), rel=0.01)
    assert cut.full_area == pytest.approx(ring.full_area)
    assert cut.coverage.sum() == pytest.approx(ring.coverage.sum() / 2, rel=0.05)
    assert place_shape("ring", np.array([-11.0, 20.0]), 10.0, 0.0, 1.0, 40) is None


def test_coverage_is_where_the_outline_is():
    # The centre of mass of a symmetric outline is its centre, in px from the corner of the image.
    placed = place_shape("bar", np.array([22.25, 17.5]), 12.0, 0.0, 1.0, 40)
    y, x = np.mgrid[placed.where] + 0.5
    coverage, total = placed.coverage, placed.coverage.sum()
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


def test_names_are_many_and_all_different():
    names = {look.name for look in ALL_LOOKS}
    assert len(names) == len(ALL_LOOKS) == 24_000
    assert {"red star", "grey gear with pink checks"} <= names
    assert Look("grey", "gear", "checks", "pink").is_held_out
    assert 0.03 < len(HELD_OUT_LOOKS) / len(ALL_LOOKS) < 0.07
    for kind in ("colour", "shape", "pattern", "second"):  # nothing is held out altogether
        held_out = {getattr(look, kind) for look in HELD_OUT_LOOKS}
        assert held_out == {getattr(look, kind) for look in ALL_LOOKS} - {""}


def test_the_benchmark_shows_its_classes_and_the_web_everything_else_too():
    def looks(split):
        scenes = [draw_scene(seed=0, split=split, index=index, size=32) for index in range(60)]
        return {look for scene in scenes for look in scene.looks}

    assert looks("test") <= {*CLASS_LOOKS}
    for split in ("distill", "web"):
        assert any(look.pattern for look in looks(split))
        assert not looks(split) & {*HELD_OUT_LOOKS}
    with pytest.raises(KeyError):
        _ = draw_scene(seed=0, split="web", index=0, size=32).labels


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("shape", ["circle", "bar"])
def test_a_pattern_shows_its_second_colour_and_leaves_the_first(pattern, shape):
    image = draw_single(seed=0, index=1, size=96, look=Look("red", shape, pattern, "blue")).astype(int)
    red, blue = image[..., 0] - image[..., 2], image[..., 2] - image[..., 0]
    areas = (red > 60).sum(), (blue > 60).sum()
    assert min(areas) > 0.1 * sum(areas)


def test_a_web_picture_names_what_is_large_and_seen_in_it():
    for index in range(30):
        single = draw_web_picture(seed=1, index=index, size=48, single=True)
        window = draw_web_picture(seed=1, index=index, size=48, single=False)
        assert len(single.looks) == 1
        assert 1 <= len(window.looks) == len(set(window.looks)) <= 3
        assert not {*window.looks} & {*HELD_OUT_LOOKS}
        again = draw_web_picture(seed=1, index=index, size=48, single=False)
        np.testing.assert_array_equal(again.image, window.image)


def test_the_world_of_this_version_is_this_one():
    """Whoever changes the drawing raises WORLD_VERSION, and these numbers with it."""
    scenes = [draw_scene(seed=0, split="test", index=index) for index in range(3)]
    assert world.WORLD_VERSION == 4
    assert [scene.labels.tolist() for scene in scenes] == [
        [51, 79, 51, 49],
        [58, 58, 25, 23, 59, 44],
        [29, 2, 54],
    ]
    areas = np.concatenate([scene.masks.sum(axis=(1, 2)) for scene in scenes])
    expected = [2379, 1222, 1529, 4610, 1377, 2010, 1111, 1276, 1295, 1256, 800, 5393, 1928]
    np.testing.assert_allclose(areas, expected, atol=3)
    np.testing.assert_allclose([scene.image.mean() for scene in scenes], [89.9, 139.5, 128.1], atol=0.2)
