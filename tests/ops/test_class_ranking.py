"""Chunks, synonyms and ties of large vocabularies, against the direct product."""

import pytest
import torch
from torch.nn import functional as F

from ovsam.models.text.class_embeddings import class_logits
from ovsam.ops import class_ranking
from ovsam.ops.class_ranking import bank_logits, classes_at_once, first_best, top_classes
from ovsam.structures.class_bank import ClassBank

ONE_HOT = torch.eye(4)


def random_bank(num_classes=23, num_synonyms=3, dim=5):
    """Every third class has all synonyms, the others repeat their first."""
    strings = F.normalize(torch.randn(num_classes * num_synonyms, dim), dim=1)
    rows = torch.arange(len(strings)).view(num_classes, num_synonyms)
    rows[torch.arange(num_classes) % 3 > 0, 1:] = rows[torch.arange(num_classes) % 3 > 0, :1]
    return ClassBank(strings, rows)


def direct_best(cosines, num):
    """By sorting pairs in Python: largest first, then the first in the vocabulary."""
    return [sorted(range(len(row)), key=lambda c: (-row[c], c))[:num] for row in cosines.tolist()]


@pytest.mark.parametrize("chunk", [1, 4, 22, 23, 50, None])
def test_chunks_equal_the_direct_product(chunk):
    bank, vectors = random_bank(), torch.randn(7, 5) * 3
    expected = class_logits(vectors, bank.table, 100.0)
    torch.testing.assert_close(bank_logits(vectors, bank, 100.0, chunk), expected)
    for num in (1, 5, 23, 99):
        values, labels = top_classes(vectors, bank, num, chunk)
        assert labels.tolist() == direct_best(expected[:, :-1], num)
        torch.testing.assert_close(100 * values, expected.gather(1, labels))


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, None])
def test_of_equal_classes_the_first_ones_win_across_chunks(chunk):
    strings = ONE_HOT[[1, 0, 1, 0, 0, 2, 0]]
    bank = ClassBank(strings, torch.arange(7)[:, None])
    values, labels = top_classes(ONE_HOT[:2] * 5, bank, 3, chunk)
    assert labels.tolist() == [[1, 3, 4], [0, 2, 1]]
    assert values.tolist() == [[1, 1, 1], [1, 1, 0]]


def test_ties_at_the_end_of_a_long_row():
    values = torch.zeros(3, 1000)
    values[1, 700] = 2
    values[2, 5:] = 1
    found, places = first_best(values, 4)
    assert places.tolist() == [[0, 1, 2, 3], [700, 0, 1, 2], [5, 6, 7, 8]]
    assert found.tolist() == [[0, 0, 0, 0], [2, 0, 0, 0], [1, 1, 1, 1]]


def test_a_class_is_as_near_as_its_nearest_synonym():
    bank = ClassBank(ONE_HOT, torch.tensor([[0, 1], [2, 2], [3, 0]]))
    logits = bank_logits(torch.tensor([[0.0, 3.0, 0.0, 4.0]]), bank, 10.0, chunk=2)
    torch.testing.assert_close(logits, torch.tensor([[6.0, 0.0, 8.0, 0.0]]))


def test_half_precision_and_gradients():
    bank, vectors = random_bank(), torch.randn(2, 5, requires_grad=True)
    half = ClassBank(bank.strings.half(), bank.rows)
    assert bank_logits(vectors, half, 1.0).dtype == torch.float32
    found = torch.autograd.grad(bank_logits(vectors, bank, 1.0, 4).square().sum(), vectors)[0]
    expected = torch.autograd.grad(class_logits(vectors, bank.table, 1.0).square().sum(), vectors)[0]
    torch.testing.assert_close(found, expected)


def test_without_regions_and_with_too_few_answers():
    bank = random_bank()
    values, labels = top_classes(torch.zeros(0, 5), bank, 2, chunk=4)
    assert values.shape == labels.shape == (0, 2)
    assert bank_logits(torch.zeros(0, 5), bank, 1.0).shape == (0, 24)
    with pytest.raises(ValueError, match="num must be 1 or more, got 0"):
        top_classes(torch.zeros(1, 5), bank, 0)


def test_chunks_shrink_with_regions_and_synonyms(monkeypatch):
    monkeypatch.setattr(class_ranking, "LEAST_CLASSES", 2)
    monkeypatch.setattr(class_ranking, "COSINES_AT_ONCE", 600)
    bank = ClassBank(torch.zeros(60, 1), torch.zeros(20, 9, dtype=torch.int64))
    assert classes_at_once(10, bank) == 20  # 3 strings per class
    assert classes_at_once(10_000, bank) == 2
