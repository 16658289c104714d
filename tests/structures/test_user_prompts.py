import numpy as np
import pytest
import torch

from ovsam.structures.prompts import Role
from ovsam.structures.user_prompts import prompts_from_user

SIZE = (40, 60)


def test_forms_of_points():
    for given, rows in [
        ([5, 6], [[[5, 6]]]),
        ([[5, 6], [7, 8]], [[[5, 6], [7, 8]]]),
        ([[[5, 6]], [[7, 8]]], [[[5, 6]], [[7, 8]]]),
        (torch.tensor([[[5, 6]], [[7, 8]]]), [[[5, 6]], [[7, 8]]]),
        ([np.array([[5, 6], [1, 2]]), np.array([[7, 8]])], [[[5, 6], [1, 2]], [[7, 8]]]),
    ]:
        prompts = prompts_from_user(given, size=SIZE)
        assert prompts.frame == "original"
        found = [
            xy[(roles == Role.POSITIVE)].tolist()
            for xy, roles in zip(prompts.coordinates, prompts.roles, strict=True)
        ]
        assert found == rows


def test_rows_of_different_length_are_filled():
    prompts = prompts_from_user([[[5, 6], [1, 2]], [[7, 8]]], [[1, 0], [1]], size=SIZE)
    assert prompts.roles.tolist() == [[1, 0, -1], [1, -1, -2]]


def test_box_with_clicks_is_one_prompt_without_padding():
    prompts = prompts_from_user([[5, 6], [1, 2]], [1, 0], [0, 1, 30, 20], size=SIZE)
    assert prompts.roles.tolist() == [[1, 0, 2, 3]]
    assert prompts.coordinates[0].tolist() == [[5, 6], [1, 2], [0, 1], [30, 20]]
    assert prompts.boxes().tolist() == [[0, 1, 30, 20]]


def test_box_over_the_edge_is_kept_whole():
    assert prompts_from_user(boxes=[-3, -2, 70, 20], size=SIZE).boxes().tolist() == [[-3, -2, 70, 20]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to segment"),
        ({"boxes": [[0, 0, 9, 9]], "point_labels": [1]}, "point_labels without points"),
        ({"points": [5]}, "points must be"),
        ({"points": []}, "points must be"),
        ({"points": "abc"}, "points must be numbers"),
        ({"points": [[1, 2], [3]]}, "points must be"),
        ({"points": [[[1, 2]], []]}, "points must be"),
        ({"points": [60, 5]}, r"point \(60, 5\) is outside the image of 60 x 40 px"),
        ({"points": [5, -1]}, "outside the image"),
        ({"points": [np.inf, 1]}, "not a finite number"),
        ({"points": [5, 6], "point_labels": [2]}, "must be 1"),
        ({"points": [5, 6], "point_labels": [1, 1]}, "1 points and 2 labels"),
        ({"points": [[[5, 6]], [[7, 8]]], "point_labels": [1, 1]}, "for 1 prompts, points for 2"),
        ({"boxes": [1, 2, 3]}, "boxes must be"),
        ({"boxes": [9, 2, 3, 4]}, "reversed"),
        ({"boxes": [3, 2, 3, 4]}, "no area"),
        ({"boxes": [60, 2, 70, 4]}, "outside the image"),
        ({"boxes": [1, 2, np.nan, 4]}, "not a finite number"),
        ({"points": [5, 6], "boxes": [[0, 0, 9, 9], [1, 1, 5, 5]]}, "1 prompts of clicks and 2 boxes"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        prompts_from_user(**arguments, size=SIZE)
