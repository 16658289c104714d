"""The attention pool that asks for one token against open_clip's own."""

import pytest
import torch
from open_clip.modified_resnet import AttentionPool2d
from torch.nn import functional as F

from ovsam.models.backbones.attention_pool import FirstTokenPool
from ovsam.models.freezing import freeze


@pytest.mark.parametrize("is_fast", [True, False])
def test_result_and_gradients_equal_open_clips(is_fast):
    reference = AttentionPool2d(spacial_dim=3, embed_dim=16, num_heads=4, output_dim=6).double()
    regions = torch.randn(5, 16, 3, 3, dtype=torch.float64, requires_grad=True)
    expected = reference(regions)
    (expected_gradient,) = torch.autograd.grad(expected.square().sum(), regions)
    pool = FirstTokenPool(reference)
    pool.is_fast = is_fast
    found = pool(regions)
    assert found.shape == (5, 6)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    (gradient,) = torch.autograd.grad(found.square().sum(), regions)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("number", [1, 7])
def test_without_gradients_no_cell_is_projected_and_the_result_is_the_same(number, monkeypatch):
    reference = AttentionPool2d(spacial_dim=3, embed_dim=24, num_heads=4, output_dim=10).double()
    for projection in (reference.q_proj, reference.k_proj, reference.v_proj):
        torch.nn.init.normal_(projection.bias)
    regions = torch.randn(number, 24, 3, 3, dtype=torch.float64)
    pool = FirstTokenPool(reference)
    expected = reference(regions)
    monkeypatch.setattr(F, "multi_head_attention_forward", lambda *_, **__: pytest.fail("projected"))
    with torch.no_grad():
        torch.testing.assert_close(pool(regions), expected, rtol=1e-12, atol=1e-13)
    freeze(pool)
    torch.testing.assert_close(pool(regions), expected, rtol=1e-12, atol=1e-13)
    with pytest.raises(pytest.fail.Exception, match="projected"):
        pool(regions.requires_grad_())


def test_in_bfloat16_it_is_as_near_as_open_clips():
    reference = AttentionPool2d(spacial_dim=3, embed_dim=64, num_heads=4, output_dim=30)
    regions = torch.randn(20, 64, 3, 3)
    pool = FirstTokenPool(reference)
    with torch.no_grad():
        exact = pool(regions)
        with torch.autocast("cpu", torch.bfloat16):
            found, plain = pool(regions), reference(regions)
    assert found.dtype == torch.bfloat16
    errors = [(vectors - exact).square().mean() for vectors in (found, plain)]
    assert 0 < errors[0] < 2 * errors[1]


def test_parameters_are_the_same_under_the_same_names():
    reference = AttentionPool2d(spacial_dim=2, embed_dim=8, num_heads=2, output_dim=5)
    pool = FirstTokenPool(reference)
    assert {n: p.data_ptr() for n, p in pool.named_parameters()} == {
        n: p.data_ptr() for n, p in reference.named_parameters()
    }


def test_no_regions_give_no_vectors():
    pool = FirstTokenPool(AttentionPool2d(spacial_dim=2, embed_dim=8, num_heads=2, output_dim=5))
    assert pool(torch.zeros(0, 8, 2, 2)).shape == (0, 5)
