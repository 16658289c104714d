import pytest
import torch

from ovsam.models.decoders.pseudo_prompts import PseudoPromptEncoder, PseudoPromptGenerator
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.structures.prompts import Prompts


def two_blobs():
    """A map 8 high and 12 wide with two bumps."""
    correlation = torch.zeros(1, 8, 12)
    correlation[0, 1:3, 1:4] = 0.2
    correlation[0, 2, 3] = 0.205
    correlation[0, 5:7, 8:11] = 0.2
    correlation[0, 6, 9] = 0.203
    return correlation


def encoder(kinds, **changes):
    sam = PromptEncoder(in_channels=32, image_size=64, embedding_size=8)
    return PseudoPromptEncoder(prompt_encoder=sam, kinds=kinds, **changes)


def test_points_boxes_and_masks_of_two_blobs():
    prompts = PseudoPromptGenerator(num_regions=2)(two_blobs())
    assert prompts.exists.tolist() == [[True, True]]
    expected = torch.tensor([[3.5 / 12, 2.5 / 8], [9.5 / 12, 6.5 / 8]])
    torch.testing.assert_close(prompts.points[0], expected)
    torch.testing.assert_close(
        prompts.boxes[0], torch.tensor([[1 / 12, 1 / 8, 4 / 12, 3 / 8], [8 / 12, 5 / 8, 11 / 12, 7 / 8]])
    )
    assert prompts.masks[0, 0].nonzero().tolist() == [[y, x] for y in (1, 2) for x in (1, 2, 3)]
    assert prompts.masks.sum() == 12


def test_a_single_cell_makes_one_region():
    correlation = torch.zeros(1, 8, 12)
    correlation[0, 4, 7] = 0.5
    prompts = PseudoPromptGenerator()(correlation)
    assert prompts.exists.tolist() == [[True, False, False, False, False]]
    assert prompts.masks.sum() == 1


def test_a_flat_map_is_all_foreground():
    prompts = PseudoPromptGenerator(num_regions=3)(torch.full((1, 8, 12), 0.1))
    assert prompts.masks.any(dim=1).all()
    assert prompts.exists.all()


def test_a_higher_threshold_leaves_fewer_cells():
    correlation = torch.randn(3, 8, 12) / 50
    sizes = [PseudoPromptGenerator(alpha=a)(correlation).masks.sum().item() for a in (0.0, 0.3, 0.9)]
    assert sizes[0] == 3 * 96
    assert sizes[0] > sizes[1] > sizes[2] >= 3


@pytest.mark.parametrize(
    ("kinds", "length"), [(("point",), 3), (("point", "mask"), 3), (("mask",), 0), (("box",), 4)]
)
def test_shapes_of_the_embeddings(kinds, length):
    prompts = PseudoPromptGenerator(num_regions=2)(torch.randn(5, 8, 8) / 50)
    sparse, dense = encoder(kinds)(prompts)
    assert sparse.shape == (5, length, 32)
    assert dense.shape == (5, 32, 8, 8)


def test_points_are_encoded_as_sam_does():
    pseudo = encoder(("point",))
    prompts = PseudoPromptGenerator(num_regions=1)(torch.randn(4, 8, 8) / 50)
    sparse, dense = pseudo(prompts)
    pixels = prompts.points * 64 - 0.5  # SAM reads the centre of a pixel
    expected_sparse, expected_dense = pseudo.prompt_encoder(Prompts.from_points(pixels, "resized"))
    torch.testing.assert_close(sparse, expected_sparse)
    torch.testing.assert_close(dense, expected_dense.expand_as(dense))


def test_masks_of_regions_that_do_not_exist_do_not_count():
    pseudo = encoder(("mask",))
    correlation = torch.zeros(1, 8, 8)
    correlation[0, 4, 5] = 0.5
    few = pseudo(PseudoPromptGenerator(num_regions=1)(correlation))[1]
    many = pseudo(PseudoPromptGenerator(num_regions=5)(correlation))[1]
    torch.testing.assert_close(few, many)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="below 1"):
        PseudoPromptGenerator(alpha=1.0)
    with pytest.raises(ValueError, match="1 or more"):
        PseudoPromptGenerator(num_regions=0)
    with pytest.raises(ValueError, match="kinds"):
        encoder(("circle",))
