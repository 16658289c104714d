import pytest
import torch

from ovsam.structures.class_bank import ClassBank


def test_a_table_and_its_bank():
    table = torch.arange(24.0).view(3, 2, 4)
    bank = ClassBank.of_table(table)
    assert (len(bank), bank.strings.shape) == (3, (6, 4))
    torch.testing.assert_close(bank.table, table)


@pytest.mark.parametrize(
    ("strings", "rows", "message"),
    [
        ((3,), [[0]], r"strings \(L, D\) and rows \(C, P\), got \(3,\)"),
        ((3, 2), [[0], [3]], r"rows must be in 0\.\.2, got 0\.\.3"),
        ((3, 2), [[-1]], r"rows must be in 0\.\.2, got -1"),
    ],
)
def test_what_does_not_fit(strings, rows, message):
    with pytest.raises(ValueError, match=message):
        ClassBank(torch.zeros(strings), torch.tensor(rows))
