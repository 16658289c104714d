"""3x3 convolutions with fewer multiplications against torch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ovsam.ops import winograd


def case(num, channels, height, width, out_channels, dtype=torch.float64):
    maps = torch.randn(num, channels, height, width, dtype=dtype)
    weight = torch.randn(out_channels, channels, 3, 3, dtype=dtype) / (9 * channels) ** 0.5
    return maps, weight, torch.randn(out_channels, dtype=dtype)


@pytest.mark.parametrize("shape", [(1, 5, 8, 12), (2, 3, 2, 2), (3, 4, 10, 6)])
@pytest.mark.parametrize("band", [1, 1 << 20])
def test_it_is_the_convolution(shape, band, monkeypatch):
    monkeypatch.setattr(winograd, "BAND_VALUES", band)
    maps, weight, bias = case(*shape, out_channels=7)
    for layout in (maps, maps.contiguous(memory_format=torch.channels_last)):
        found = winograd.convolve(layout, winograd.transformed(weight), bias)
        torch.testing.assert_close(
            found, F.conv2d(maps, weight, bias, padding=1), rtol=1e-12, atol=1e-12
        )
        assert found.is_contiguous(memory_format=torch.channels_last)


def test_its_errors_in_float32_are_no_larger_than_those_of_the_direct_way():
    maps, weight, bias = case(1, 192, 16, 16, out_channels=192)
    exact = F.conv2d(maps, weight, bias, padding=1)
    maps, weight, bias = maps.float(), weight.float(), bias.float()
    last = [part.contiguous(memory_format=torch.channels_last) for part in (maps, weight)]
    direct = (F.conv2d(*last, bias, padding=1) - exact).abs().max()
    found = (winograd.convolve(maps, winograd.transformed(weight), bias) - exact).abs().max()
    assert found <= direct < 1e-4


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((1, 192, 8, 8), {}, True),
        ((1, 192, 8, 7), {}, False),
        ((0, 192, 8, 8), {}, False),
        ((1, 191, 8, 8), {}, False),
        ((1, 192, 8, 8), {"kernel_size": 1, "padding": 0}, False),
        ((1, 192, 8, 8), {"stride": 2}, False),
        ((1, 192, 8, 8), {"padding": 0}, False),
        ((1, 192, 8, 8), {"dilation": 2}, False),
        ((1, 384, 8, 8), {"groups": 2}, False),
        ((1, 192, 8, 8), {"dtype": torch.float64}, False),
    ],
)
def test_it_pays_for_wide_maps_with_even_sides_in_float32(shape, options, expected):
    options = {"kernel_size": 3, "padding": 1, **options}
    convolution = nn.Conv2d(shape[1], 384, **options)
    maps = torch.zeros(shape, dtype=convolution.weight.dtype)
    assert winograd.pays(convolution, maps) == expected


def test_it_is_left_to_few_threads(monkeypatch):
    convolution, maps = nn.Conv2d(192, 192, 3, padding=1), torch.zeros(1, 192, 8, 8)
    for threads, expected in ((1, True), (8, True), (9, False)):
        monkeypatch.setattr(torch, "get_num_threads", lambda number=threads: number)
        assert winograd.pays(convolution, maps) == expected
