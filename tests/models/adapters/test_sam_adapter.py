"""Adapter3: convolutions along a frozen SAM encoder, and what they add to a region's vector."""

import pytest
import torch

from ovsam.models.adapters.region_residual import RegionResidual
from ovsam.models.adapters.sam_adapter import SamConvAdapter
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.freezing import freeze

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = SamImageEncoder(
        architecture="mini", image_size=64, embed_dim=16, depth=2, num_heads=2,
        global_attn_indexes=(0,), out_channels=12,
    )  # fmt: skip
    freeze(encoder)
    return encoder


@pytest.fixture
def adapter():
    torch.manual_seed(3)
    return SamConvAdapter(token_channels=16, stride=8, after=(0, 1), width=5, stem_width=4)


def test_changes_nothing_before_it_learns(encoder, adapter):
    torch.testing.assert_close(encoder(IMAGES, adapter=adapter), encoder(IMAGES))


def test_what_follows_the_last_block_goes_into_the_neck(encoder, adapter):
    with torch.no_grad():
        adapter.blocks[1].layers[-1].bias.fill_(0.5)
    seen = []
    encoder.neck.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(IMAGES, adapter=adapter)
    encoder(IMAGES)
    torch.testing.assert_close(seen[0], seen[1] + 0.5)


def test_gradients_reach_stem_and_blocks_and_no_frozen_weight(encoder, adapter):
    encoder(IMAGES, adapter=adapter).square().mean().backward()
    for part in (adapter.stem[-1], *(block.layers[-1] for block in adapter.blocks)):
        assert part.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


@pytest.mark.parametrize("stride", [2, 12, 14])
def test_strides_that_halvings_do_not_reach_are_refused(stride):
    with pytest.raises(ValueError, match="power of 2"):
        SamConvAdapter(token_channels=8, stride=stride)


def test_residual_of_a_region_by_hand():
    residual = RegionResidual(in_channels=2, embed_dim=3, roi_size=2)
    embeddings = torch.tensor([[1.0, -2.0], [3.0, 0.5]])[:, :, None, None].expand(2, 2, 5, 7)
    boxes, owners = torch.tensor([[8.0, 8, 40, 24], [0, 0, 16, 16]]), torch.tensor([1, 0])
    assert torch.equal(residual(embeddings, 8, boxes, owners), torch.zeros(2, 3))
    with torch.no_grad():
        residual.hidden.weight.copy_(torch.eye(2)[..., None, None])
        residual.hidden.bias.zero_()
        residual.projection.weight.copy_(torch.tensor([[1.0, 0], [0, 2], [1, 1]]))
    # ReLU of image 1 is (3, 0.5), of image 0 (1, 0)
    expected = torch.tensor([[3.0, 1.0, 3.5], [1.0, 0.0, 1.0]])
    torch.testing.assert_close(residual(embeddings, 8, boxes, owners), expected)
