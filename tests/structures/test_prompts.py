"""Prompts: validation, concatenation, grouping, frames."""

import pytest
import torch

from ovsam.structures.prompts import Prompts, Role


def test_box_is_two_corner_tokens():
    prompts = Prompts.from_boxes(torch.tensor([[1.0, 2, 5, 9], [0, 0, 3, 4]]), "resized")
    assert prompts.coordinates[0].tolist() == [[1, 2], [5, 9]]
    assert prompts.roles[1].tolist() == [Role.TOP_LEFT, Role.BOTTOM_RIGHT]
    assert prompts.boxes().tolist() == [[1, 2, 5, 9], [0, 0, 3, 4]]


def test_clicks_end_with_one_padding_token():
    prompts = Prompts.from_points(
        torch.tensor([[[4.0, 5], [6, 7]]]), "original", labels=torch.tensor([[1, 0]])
    )
    assert prompts.roles.tolist() == [[Role.POSITIVE, Role.NEGATIVE, Role.PADDING]]
    assert prompts.boxes().isnan().all()


def test_concatenation_fills_and_groups_take_the_filling_away():
    boxes = Prompts.from_boxes(torch.tensor([[1.0, 2, 5, 9]]), "resized").on_image(1)
    clicks = Prompts.from_points(torch.ones(2, 3, 2), "resized")
    both = Prompts.concatenate([clicks, boxes])
    assert both.roles.shape == (3, 4)
    assert both.image_index.tolist() == [0, 0, 1]
    assert both.has_box().tolist() == [False, False, True]
    (short_rows, short), (long_rows, long) = both.groups()
    assert short_rows.tolist() == [2]
    assert torch.equal(short.coordinates, boxes.coordinates)
    assert long_rows.tolist() == [0, 1]
    assert torch.equal(long.roles, clicks.roles)


def test_scaling_changes_coordinates_and_frame():
    prompts = Prompts.from_boxes(torch.tensor([[1.0, 2, 5, 9]]), "original")
    scaled = prompts.scaled((2.0, 0.5), "resized")
    assert scaled.boxes().tolist() == [[2, 1, 10, 4.5]]
    assert scaled.frame == "resized"
    assert prompts.boxes().tolist() == [[1, 2, 5, 9]]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Prompts.from_boxes(torch.tensor([[5.0, 2, 5, 9]]), "resized"), "box 0 has no area"),
        (lambda: Prompts.from_boxes(torch.full((1, 4), float("nan")), "resized"), "not finite"),
        (lambda: Prompts.from_boxes(torch.zeros(4), "resized"), r"\(N, 4\) xyxy"),
        (
            lambda: Prompts.from_points(torch.ones(1, 1, 2), "resized", torch.tensor([[2]])),
            "of 0 and 1",
        ),
        (lambda: Prompts.from_points(torch.ones(1, 1, 2), "pixels"), "frame must be"),
        (lambda: Prompts.concatenate([]), "nothing to concatenate"),
        (
            lambda: Prompts.concatenate(
                [
                    Prompts.from_points(torch.ones(1, 1, 2), "resized"),
                    Prompts.from_points(torch.ones(1, 1, 2), "original"),
                ]
            ),
            "frames differ",
        ),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
