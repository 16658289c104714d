import pytest
import torch

from ovsam.ops.order import in_order


@pytest.mark.parametrize("rows", [[[0, 1], [2]], [[2, 0], [1]], [[1], [0, 2]], [[0, 2, 1]], [[]]])
def test_row_i_is_where_the_rows_say_i(rows):
    rows = [torch.tensor(part, dtype=torch.int64) for part in rows]
    found = in_order([part[:, None] * torch.tensor([1.0, 10.0]) for part in rows], rows)
    number = sum(map(len, rows))
    assert torch.equal(found, torch.arange(number)[:, None] * torch.tensor([1.0, 10.0]))


def test_one_part_in_order_is_not_copied():
    part = torch.randn(3, 2)
    assert in_order([part], [torch.arange(3)]) is part
