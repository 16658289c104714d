"""Prompt encoder: equal to the segment_anything package, whatever the mix of prompts."""

import pytest
import torch
from segment_anything.modeling import PromptEncoder as SamPromptEncoder

from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.structures.prompts import Prompts, Role

POINTS = torch.tensor(
    [[[3.0, 50.5], [60.0, 7.0]], [[12.5, 33.0], [0.0, 63.0]], [[1.0, 2.0], [9.0, 8.0]]]
)
LABELS = torch.tensor([[1, 0], [0, 0], [1, 1]])
BOXES = torch.tensor([[1.0, 2.0, 30.5, 40.0], [5.0, 6.0, 63.0, 64.0], [0.0, 10.0, 20.0, 11.0]])


@pytest.fixture
def encoders():
    theirs = SamPromptEncoder(
        embed_dim=24, image_embedding_size=(5, 5), input_image_size=(64, 64), mask_in_chans=8
    )
    ours = PromptEncoder(in_channels=24, image_size=64, embedding_size=5, mask_in_channels=8)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def test_boxes_equal_the_package(encoders):
    ours, theirs = encoders
    sparse, dense = ours(Prompts.from_boxes(BOXES, "resized"))
    expected, expected_dense = theirs(points=None, boxes=BOXES, masks=None)
    torch.testing.assert_close(sparse, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(dense.expand(3, -1, -1, -1), expected_dense)


@pytest.mark.parametrize("count", [1, 2])
def test_points_equal_the_package(encoders, count):
    ours, theirs = encoders
    points, labels = POINTS[:, :count], LABELS[:, :count]
    sparse, _ = ours(Prompts.from_points(points, "resized", labels))
    expected, _ = theirs(points=(points, labels), boxes=None, masks=None)
    assert sparse.shape == (3, count + 1, 24)  # with SAM's "not a point"
    torch.testing.assert_close(sparse, expected, rtol=0, atol=1e-6)


def test_points_with_box_equal_the_package(encoders):
    ours, theirs = encoders
    prompts = Prompts(
        coordinates=torch.cat([POINTS, BOXES.reshape(3, 2, 2)], dim=1),
        roles=torch.cat(
            [LABELS, torch.tensor([[Role.TOP_LEFT, Role.BOTTOM_RIGHT]]).expand(3, 2)], dim=1
        ),
        image_index=torch.zeros(3, dtype=torch.int64),
        frame="resized",
    )
    expected, _ = theirs(points=(POINTS, LABELS), boxes=BOXES, masks=None)
    torch.testing.assert_close(ours(prompts)[0], expected, rtol=0, atol=1e-6)


def test_mask_prompts_equal_the_package(encoders):
    ours, theirs = encoders
    masks = torch.randn(3, 1, 20, 20)
    prompts = Prompts.from_boxes(BOXES, "resized")
    with_masks = Prompts(prompts.coordinates, prompts.roles, prompts.image_index, "resized", masks)
    _, expected = theirs(points=None, boxes=BOXES, masks=masks)
    torch.testing.assert_close(ours(with_masks)[1], expected, rtol=0, atol=1e-6)


def test_image_positions_equal_the_package(encoders):
    ours, theirs = encoders
    torch.testing.assert_close(ours.image_positions(), theirs.get_dense_pe())


def test_refuses_original_frame_ragged_prompts_and_wrong_masks(encoders):
    ours, _ = encoders
    with pytest.raises(ValueError, match="resized frame"):
        ours(Prompts.from_boxes(BOXES, "original"))
    ragged = Prompts.concatenate(
        [Prompts.from_boxes(BOXES, "resized"), Prompts.from_points(POINTS, "resized")]
    )
    with pytest.raises(ValueError, match="different length"):
        ours(ragged)
    prompts = Prompts.from_boxes(BOXES, "resized")
    masks = torch.zeros(3, 1, 20, 21)
    with pytest.raises(ValueError, match="20, 20"):
        ours(Prompts(prompts.coordinates, prompts.roles, prompts.image_index, "resized", masks))
