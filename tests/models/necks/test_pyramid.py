"""Feature pyramid: nearest top-down sum, strides kept."""

import torch

from ovsam.models.necks import pyramid as pyramid_module
from ovsam.models.necks.pyramid import FeaturePyramid


def test_levels_keep_their_sizes_and_coarse_reaches_fine():
    pyramid = FeaturePyramid(in_channels=(3, 5), strides=(4, 8), out_channels=6)
    fine, coarse = torch.randn(2, 3, 8, 12), torch.randn(2, 5, 4, 6)
    levels = pyramid([fine, coarse])
    assert [tuple(level.shape) for level in levels] == [(2, 6, 8, 12), (2, 6, 4, 6)]
    moved = pyramid([fine, coarse + 1])
    assert not torch.allclose(levels[0], moved[0])
    same = pyramid([fine + 1, coarse])
    torch.testing.assert_close(levels[1], same[1])
    assert (pyramid.strides, pyramid.out_channels) == ((4, 8), 6)


def test_top_down_is_nearest():
    pyramid = FeaturePyramid(in_channels=(1, 1), strides=(4, 8), out_channels=1)
    with torch.no_grad():
        for block in (*pyramid.network.inner_blocks, *pyramid.network.layer_blocks):
            block[0].weight.zero_()
            block[0].bias.zero_()
            centre = block[0].kernel_size[0] // 2
            block[0].weight[0, 0, centre, centre] = 1
    fine = pyramid([torch.zeros(1, 1, 4, 4), torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])])[0]
    expected = torch.tensor([[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])
    torch.testing.assert_close(fine[0, 0], expected)


def test_channels_last_of_a_narrow_pyramid_changes_no_value(monkeypatch):
    narrow = FeaturePyramid(in_channels=(3, 5), strides=(4, 8), out_channels=6)
    monkeypatch.setattr(pyramid_module, "FEW_CHANNELS", 6)
    plain = FeaturePyramid(in_channels=(3, 5), strides=(4, 8), out_channels=6)
    plain.load_state_dict(narrow.state_dict())
    assert (narrow.memory_format, plain.memory_format) == (torch.channels_last, torch.contiguous_format)
    maps = [torch.randn(2, 3, 8, 12), torch.randn(2, 5, 4, 6)]
    found, expected = narrow(maps), plain(maps)
    torch.testing.assert_close(found, expected)
    for level in (*found, *expected):
        level.square().sum().backward(retain_graph=True)
    for one, other in zip(narrow.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-4)
