import pytest
import torch
from torch.nn import functional as F

from ovsam.ops.attention import (
    EPSILON,
    join_windows,
    linear_attention,
    shifted_window_mask,
    split_windows,
)


def test_linear_attention_equals_its_definition():
    query, key, value = torch.randn(2, 3, 4, 5), torch.randn(2, 6, 4, 5), torch.randn(2, 6, 4, 7)
    weights = torch.einsum("blhd,bshd->bhls", F.elu(query) + 1, F.elu(key) + 1)
    weights = weights / (weights.sum(dim=-1, keepdim=True) + EPSILON)
    expected = torch.einsum("bhls,bshe->blhe", weights, value)
    torch.testing.assert_close(linear_attention(query, key, value), expected)


def test_a_constant_pair_counts_as_often_as_said():
    query, key, value = torch.randn(2, 3, 4, 5), torch.randn(2, 6, 4, 5), torch.randn(2, 6, 4, 7)
    more_key, more_value = torch.randn(4, 5), torch.randn(4, 7)
    found = linear_attention(query, key, value, (more_key, more_value, 9))
    key = torch.cat([key, more_key.expand(2, 9, 4, 5)], dim=1)
    value = torch.cat([value, more_value.expand(2, 9, 4, 7)], dim=1)
    torch.testing.assert_close(found, linear_attention(query, key, value))


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_windows_are_put_together_again(shift):
    tokens = torch.randn(2, 8, 12, 3)
    windows = split_windows(tokens, 4, shift)
    assert windows.shape == (2, 6, 16, 3)
    assert torch.equal(join_windows(windows, (8, 12), shift), tokens)


def test_windows_are_row_major():
    tokens = torch.arange(24.0).reshape(1, 4, 6, 1)
    assert split_windows(tokens, 2)[0, 1, :, 0].tolist() == [2, 3, 8, 9]


def test_windows_that_do_not_fill_the_grid_are_refused():
    with pytest.raises(ValueError, match="4 x 6"):
        split_windows(torch.zeros(1, 4, 6, 1), 4)


def test_shifted_windows_keep_strangers_apart():
    mask = shifted_window_mask((8, 8), 4, 2)
    assert (mask[0] == 0).all()  # the first window is of one piece
    corner = mask[3].reshape(4, 4, 4, 4)
    assert corner[0, 0, 1, 1] == 0
    assert corner[0, 0, 3, 3] == corner[0, 0, 0, 3] == -100
