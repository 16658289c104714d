"""Comparison of two results: hand-computed means, intervals that cover, pairs that must fit."""

import dataclasses

import numpy as np
import pytest

from ovsam.evaluation.comparison import (
    bootstrap_interval,
    compare_groups,
    label_groups,
    read_instances,
    size_groups,
    worst_rows,
)
from ovsam.evaluation.promptable import InstanceResults

FIRST = InstanceResults(
    image_ids=np.array([3, 3, 5, 9]),
    labels=np.array([0, 1, 2, 1]),
    predicted=np.array([0, 1, 0, 1]),
    ious=np.array([0.9, 0.5, 0.8, 0.6]),
    areas=np.array([32**2 - 1, 32**2, 96**2, 96**2 - 1]),
)
SECOND = dataclasses.replace(
    FIRST, predicted=np.array([0, 2, 2, 1]), ious=np.array([0.7, 0.6, 0.8, 0.2])
)


def test_means_and_counts_by_hand():
    split, classes = label_groups(FIRST.labels, [0, 2], [1], ["disc", "ring", "star"])
    assert list(classes) == ["disc", "ring", "star"]
    found = {
        (d.metric, d.group): d
        for d in compare_groups(FIRST, SECOND, {**split, "none": np.zeros(4, bool)}, num_resamples=50)
    }
    assert set(found) == {(m, g) for m in ("iou", "accuracy") for g in ("base", "novel")}
    base, novel = found["iou", "base"], found["iou", "novel"]
    assert (base.first, base.second, base.difference) == pytest.approx((85.0, 75.0, -10.0))
    assert (novel.first, novel.second) == pytest.approx((55.0, 40.0))
    assert (novel.num, novel.num_better, novel.num_worse) == (2, 1, 1)
    assert (found["accuracy", "base"].first, found["accuracy", "base"].second) == (50.0, 100.0)
    assert found["accuracy", "novel"].difference == -50.0


def test_masks_only_has_no_accuracy():
    nameless = dataclasses.replace(SECOND, predicted=np.full(4, -1))
    found = compare_groups(FIRST, nameless, {"all": np.ones(4, bool)}, num_resamples=20)
    assert [d.metric for d in found] == ["iou"]
    assert list(worst_rows(FIRST, nameless, 9)) == [3, 0]


def test_sizes_are_those_of_coco():
    groups = {name: rows.tolist() for name, rows in size_groups(FIRST.areas).items()}
    assert groups == {
        "small": [True, False, False, False],
        "medium": [False, True, False, True],
        "large": [False, False, True, False],
    }


def test_worst_rows_count_a_lost_name_as_a_mask():
    # losses: 0.2, -0.1 + 1, 0 - 1, 0.4
    assert list(worst_rows(FIRST, SECOND, 9)) == [1, 3, 0]
    assert list(worst_rows(FIRST, SECOND, 2)) == [1, 3]
    assert list(worst_rows(FIRST, FIRST, 2)) == []


def test_interval_is_that_of_images_not_of_instances():
    """20 images of 50 equal instances each are 20 observations: the interval of 20, not of 1,000."""
    generator = np.random.default_rng(1)
    of_image = generator.normal(size=20)
    values, image_ids = np.repeat(of_image, 50), np.repeat(np.arange(20), 50)
    low, high = bootstrap_interval(values, image_ids, num_resamples=4_000)
    half = 1.96 * of_image.std() / np.sqrt(20)
    assert low == pytest.approx(of_image.mean() - half, abs=0.08)
    assert high == pytest.approx(of_image.mean() + half, abs=0.08)
    assert bootstrap_interval(values, image_ids, num_resamples=4_000) == (low, high)
    assert bootstrap_interval(np.full(4, 0.25), np.arange(4)) == (0.25, 0.25)


def test_an_image_counts_by_its_instances():
    """Two images of 9 zeros and a one: half of the drawn pairs hold both, and their mean is 0.1."""
    values, image_ids = np.array([0.0] * 9 + [1.0]), np.array([4] * 9 + [7])
    assert bootstrap_interval(values, image_ids, level=0.1) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(labels=np.array([0, 1, 2])), "4 and 3 instances"),
        (
            dict(areas=FIRST.areas + np.array([0, 0, 5, 0])),
            r"areas differ in 1 rows, first in row 2 \(image 5\)",
        ),
        (dict(image_ids=FIRST.image_ids + 1), "image_ids differ in 4 rows"),
    ],
)
def test_different_instances_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        compare_groups(FIRST, dataclasses.replace(SECOND, **changes), {"all": np.ones(4, bool)})


def test_instances_survive_the_disk(tmp_path):
    np.savez_compressed(tmp_path / "instances.npz", **vars(FIRST))
    found = read_instances(tmp_path / "instances.npz")
    assert all(np.array_equal(getattr(found, k), v) for k, v in vars(FIRST).items())
    with pytest.raises(FileNotFoundError, match=r"tools/test\.py writes them"):
        read_instances(tmp_path / "none.npz")
    (tmp_path / "broken.npz").write_text("no archive")
    with pytest.raises(ValueError, match="holds no results"):
        read_instances(tmp_path / "broken.npz")
