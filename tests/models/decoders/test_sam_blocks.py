"""Mask decoder: equal to the segment_anything package, batched over images."""

import pytest
import torch
from segment_anything.modeling import MaskDecoder as SamMaskDecoder
from segment_anything.modeling import TwoWayTransformer

from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.weights.conversion import first_mask_token

WIDTH, SIZE = 16, (3, 5)


@pytest.fixture
def theirs():
    transformer = TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=4, mlp_dim=20)
    return SamMaskDecoder(
        transformer_dim=WIDTH, transformer=transformer, iou_head_depth=3, iou_head_hidden_dim=WIDTH
    ).eval()


@pytest.fixture
def inputs():
    return {
        "images": torch.randn(2, WIDTH, *SIZE),
        "positions": torch.randn(1, WIDTH, *SIZE),
        "sparse": torch.randn(5, 3, WIDTH),
        "dense": torch.randn(5, WIDTH, *SIZE),
        "image_index": torch.tensor([1, 0, 1, 1, 0]),
    }


def expected(theirs, inputs):
    masks, quality = [], []
    for row, image in enumerate(inputs["image_index"].tolist()):
        mask, iou = theirs.predict_masks(
            inputs["images"][image : image + 1],
            inputs["positions"],
            inputs["sparse"][row : row + 1],
            inputs["dense"][row : row + 1],
        )
        masks.append(mask)
        quality.append(iou)
    return torch.cat(masks), torch.cat(quality)


def test_four_masks_and_quality_equal_the_package_on_two_images(theirs, inputs):
    ours = MaskDecoder(in_channels=WIDTH, num_heads=4, mlp_dim=20)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    output = ours(*inputs.values())
    masks, quality = expected(theirs, inputs)
    assert output.mask_logits.shape == (5, 4, 12, 20)
    assert (output.mask_logits - masks).abs().max() <= 1e-5 * masks.abs().max()
    assert (output.quality - quality).abs().max() <= 1e-5 * quality.abs().max()
    assert output.label_tokens is None


def test_one_mask_token_loads_strictly_from_sam(theirs, inputs):
    ours = MaskDecoder(
        in_channels=WIDTH, num_mask_tokens=1, predicts_quality=False, num_heads=4, mlp_dim=20
    )
    ours.load_state_dict(first_mask_token(theirs.state_dict()), strict=True)
    torch.testing.assert_close(ours.mask_tokens.weight[0], theirs.mask_tokens.weight[0])
    output = ours(*inputs.values())
    assert output.mask_logits.shape == (5, 1, 12, 20)
    assert output.quality is None


def test_one_dense_embedding_serves_all_prompts(theirs, inputs):
    ours = MaskDecoder(in_channels=WIDTH, num_heads=4, mlp_dim=20).eval()
    inputs["dense"] = inputs["dense"][:1]
    one = ours(*inputs.values()).mask_logits
    inputs["dense"] = inputs["dense"].expand(5, -1, -1, -1)
    torch.testing.assert_close(one, ours(*inputs.values()).mask_logits)


def test_no_prompts_give_no_masks_and_a_graph():
    ours = MaskDecoder(
        in_channels=WIDTH, num_mask_tokens=1, predicts_quality=False, num_heads=4, mlp_dim=20
    )
    none = torch.zeros(0, dtype=torch.int64)
    output = ours(
        torch.randn(2, WIDTH, *SIZE), torch.randn(1, WIDTH, *SIZE), torch.randn(0, 2, WIDTH),
        torch.randn(1, WIDTH, *SIZE), none,
    )  # fmt: skip
    assert output.mask_logits.shape == (0, 1, 12, 20)
    output.mask_logits.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() == 0 for p in ours.parameters())
