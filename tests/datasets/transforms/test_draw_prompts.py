import numpy as np
import pytest
import torch

from ovsam.datasets.detections import Detections
from ovsam.datasets.transforms.packing import META_KEYS, PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawEachKind, DrawPrompts
from ovsam.structures.prompts import Role

BOXES = np.array([[2, 1, 8, 6], [10, 3, 13, 12], [0, 0, 20, 15]], np.float32)


def results(num: int = 3, seed: int = 0) -> dict:
    masks = np.zeros((num, 15, 20), bool)
    for row, (x0, y0, x1, y1) in enumerate(BOXES[:num].astype(int)):
        masks[row, y0:y1, x0:x1] = True
    return dict(
        labels=np.array([7, 4, 9])[:num],
        bboxes=BOXES[:num].copy(),
        masks=masks,
        original_masks=masks.repeat(2, axis=1),
        rng=np.random.default_rng(seed),
    )


def lies_in(points: torch.Tensor, masks: np.ndarray) -> list[bool]:
    return [bool(mask[int(y), int(x)]) for (x, y), mask in zip(points.tolist(), masks, strict=True)]


def test_one_box_per_instance_in_order():
    found = DrawPrompts(kind="box").transform(results())
    assert found["prompts"].frame == "resized"
    np.testing.assert_array_equal(found["prompts"].coordinates.reshape(3, 4), BOXES)
    assert found["labels"].tolist() == [7, 4, 9]


def test_centre_points_are_in_the_middle():
    prompts = DrawPrompts(kind="center_point").transform(results())["prompts"]
    # 6 x 5 at (2, 1): distance 3 in row 3, columns 4 and 5; 3 x 9 at (10, 3): column 11 from row 4 on;
    # the whole picture, 15 x 20, whose border is outside: row 7, columns 7 to 12.
    assert prompts.coordinates[:, 0].tolist() == [[4, 3], [11, 4], [7, 7]]
    assert prompts.roles.tolist() == [[Role.POSITIVE, Role.PADDING]] * 3


def test_random_points_lie_in_their_masks():
    for seed in range(20):
        prompts = DrawPrompts(kind="random_point").transform(results(seed=seed))["prompts"]
        assert lies_in(prompts.coordinates[:, 0], results()["masks"]) == [True] * 3


@pytest.mark.parametrize("num_prompts", [1, 2, 3, 4, 7, 9])
def test_a_fixed_number_takes_the_instances_equally_often(num_prompts):
    found = DrawPrompts(kind="box", num_prompts=num_prompts).transform(results(seed=num_prompts))
    counts = np.unique(found["labels"], return_counts=True)[1]
    assert counts.sum() == len(found["prompts"]) == num_prompts
    assert counts.max() - counts.min() <= (1 if num_prompts >= 3 else 0)
    np.testing.assert_array_equal(found["prompts"].coordinates.reshape(-1, 4), found["bboxes"])


def test_of_too_many_instances_all_have_their_turn():
    draw = DrawPrompts(kind="box", num_prompts=1)
    assert {int(draw.transform(results(seed=seed))["labels"][0]) for seed in range(30)} == {4, 7, 9}


def test_mixed_prompts_are_boxes_then_points_and_targets_follow():
    found = DrawPrompts(kind="mixed", num_boxes=5, num_points=4).transform(results())
    prompts = found["prompts"]
    assert prompts.has_box().tolist() == [True] * 5 + [False] * 4
    for key in ("labels", "bboxes", "mask_rows", "original_masks"):
        assert len(found[key]) == 9
    assert len(found["masks"]) == 3  # each once
    masks = found["masks"][found["mask_rows"]]
    np.testing.assert_array_equal(prompts.coordinates[:5].reshape(5, 4), found["bboxes"][:5])
    assert lies_in(prompts.coordinates[5:, 0], masks[5:]) == [True] * 4
    row_of_label = {7: 0, 4: 1, 9: 2}
    for label, mask, original in zip(found["labels"], masks, found["original_masks"], strict=True):
        np.testing.assert_array_equal(mask, results()["masks"][row_of_label[int(label)]])
        np.testing.assert_array_equal(original, mask.repeat(2, axis=0))


def test_masks_that_were_not_drawn_are_left_out():
    found = DrawPrompts(kind="box", num_prompts=2).transform(results())
    assert len(found["masks"]) == len(found["labels"]) == 2
    row_of_label = {7: 0, 4: 1, 9: 2}
    for label, mask in zip(found["labels"], found["masks"][found["mask_rows"]], strict=True):
        np.testing.assert_array_equal(mask, results()["masks"][row_of_label[int(label)]])


def test_a_mask_that_vanished_is_clicked_in_the_middle_of_its_box():
    for kind in ("center_point", "random_point"):
        found = results()
        found["masks"][1] = False
        prompts = DrawPrompts(kind=kind).transform(found)["prompts"]
        assert prompts.coordinates[1, 0].tolist() == [11, 7]


def test_without_instances_a_fixed_number_is_nothing_and_else_there_are_no_prompts():
    assert DrawPrompts(kind="mixed", num_boxes=2, num_points=1).transform(results(0)) is None
    assert DrawPrompts(kind="box", num_prompts=2).transform(results(0)) is None
    for kind in ("box", "center_point", "random_point"):
        assert len(DrawPrompts(kind=kind).transform(results(0))["prompts"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(kind="point"), "'point'; expected one of box, center_point"),
        (dict(kind="mixed", num_boxes=3), "num_boxes and num_points of 1 or more"),
        (dict(kind="mixed", num_boxes=3, num_points=2, num_prompts=5), "no num_prompts"),
        (dict(kind="box", num_points=2), "belong to kind 'mixed'"),
        (dict(kind="box", num_prompts=0), "1 or more, got 0"),
        (dict(kind="detection", num_prompts=3), "takes every box"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DrawPrompts(**arguments)


def detector_results(**changes) -> dict:
    """A picture of 30 x 40 px resized to 15 x 20, with ground truth and two boxes of a detector."""
    boxes = np.array([[4, 2, 16, 12], [0, 0, 40, 30]], np.float32)
    found = Detections(boxes, np.array([1, -1]), np.array([0.9, 0.3], np.float32))
    size = dict(ori_shape=(30, 40), height=30, width=40, scale_factor=(0.5, 0.5), img_path="a.png")
    return {**results(), **size, "detections": found, **changes}


def test_boxes_of_a_detector_are_scaled_and_no_ground_truth_is_left():
    given = detector_results()
    found = DrawPrompts(kind="detection").transform(given)
    assert found["prompts"].frame == "resized"
    assert found["prompts"].boxes().tolist() == [[2, 1, 8, 6], [0, 0, 20, 15]]
    assert not {"labels", "bboxes", "masks", "original_masks"} & set(found)
    assert found["detections"].boxes.tolist() == [[4, 2, 16, 12], [0, 0, 40, 30]]


def test_image_without_boxes_of_a_detector_has_no_prompts():
    none = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert (
        len(DrawPrompts(kind="detection").transform(detector_results(detections=none))["prompts"]) == 0
    )


def test_boxes_of_a_detector_need_a_data_set_that_has_them():
    with pytest.raises(ValueError, match="--prompts detection --detections"):
        DrawPrompts(kind="detection").transform(results())
    with pytest.raises(ValueError, match=r"a\.png has \(h, w\) = \(30, 40\), .* \(40, 30\)"):
        DrawPrompts(kind="detection").transform(detector_results(height=40, width=30))


def test_each_kind_draws_what_it_draws_alone():
    given = {**results(), **dict.fromkeys(META_KEYS, 0), "img": np.full((15, 20, 3), 7, np.uint8)}
    kinds = ("random_point", "box", "center_point")
    steps = [dict(type=DrawPrompts, kind="box", num_prompts=2), dict(type=PackPromptInputs)]
    found = DrawEachKind(kinds=kinds, steps=steps).transform(given)
    assert found["inputs"].shape == (3, 15, 20)
    assert list(found["data_samples"]) == list(kinds)
    for kind, sample in found["data_samples"].items():
        alone = DrawPrompts(kind=kind, num_prompts=2).transform(results())
        assert torch.equal(sample.prompts.coordinates, alone["prompts"].coordinates)
        np.testing.assert_array_equal(sample.gt_instances.labels, alone["labels"])
    assert len(given["labels"]) == 3
    assert DrawEachKind(kinds=kinds, steps=steps).transform({**given, **results(0)}) is None
