import pytest
import torch
from torch import nn

from ovsam.ops.windows import SlidingViews, WholeView, merge_windows, window_places


def test_windows_of_catseg():
    assert window_places(640, 384, 256) == [(0, 0), (0, 256), (256, 0), (256, 256)]
    assert window_places(10, 4, 4)[-1] == (6, 6)  # the last one ends at the edge
    assert window_places(4, 4, 4) == [(0, 0)]


def test_gaps_are_refused():
    with pytest.raises(ValueError, match="stride 5"):
        window_places(10, 4, 5)


def test_overlaps_are_averaged():
    maps = torch.stack([torch.full((1, 3, 3), float(value)) for value in (1, 2, 3, 4)])
    merged = merge_windows(maps, window_places(4, 3, 1), 4)[0]
    assert merged[0, 0] == 1
    assert merged[0, 1] == 1.5
    assert merged[1, 1] == 2.5
    assert merged[3, 3] == 4


def test_merging_gives_back_a_constant_map_of_the_asked_size():
    views = SlidingViews(size=40, window=24, stride=16)
    split = views.split(torch.rand(3, 31, 57))
    assert split.shape == (5, 3, 24, 24)
    maps = torch.full((5, 2, 6, 6), 0.7)
    torch.testing.assert_close(views.merge(maps, nn.Identity(), (31, 57)), torch.full((2, 31, 57), 0.7))


def test_the_whole_view_counts_as_much_as_all_windows():
    views = SlidingViews(size=40, window=24, stride=16)
    maps = torch.zeros(5, 1, 6, 6)
    maps[-1] = 1
    merged = views.merge(maps, nn.Identity(), (9, 9))
    torch.testing.assert_close(merged, torch.full((1, 9, 9), 0.5))


@pytest.mark.parametrize(("multiple", "edge"), [(32, 0.0), (1, 1.0)])
def test_padding_of_the_whole_view(multiple, edge):
    view = WholeView(size=16, pad_multiple=multiple).split(torch.ones(3, 33, 40))
    assert view.shape == (1, 3, 16, 16)
    assert view[0, 0, -1, -1] == edge
