"""EvenSampler: the same global batches for any number of processes, from any place of an epoch."""

from itertools import chain

import mmengine.dataset.sampler
import pytest
from torch.utils.data import DataLoader

from ovsam.datasets.samplers import EvenSampler

IMAGES = 23


def sampler_of(monkeypatch, rank, processes):
    monkeypatch.setattr(mmengine.dataset.sampler, "get_dist_info", lambda: (rank, processes))
    return EvenSampler(range(IMAGES), seed=5)


def batches_from(monkeypatch, processes, done):
    """Images of each global batch of 4, the first `done` left out."""
    ranks = []
    for rank in range(processes):
        sampler = sampler_of(monkeypatch, rank, processes)
        sampler.start_at(done * 4 // processes)
        loader = DataLoader(range(IMAGES), sampler=sampler, batch_size=4 // processes, drop_last=True)
        ranks.append([batch.tolist() for batch in loader])
        assert len(loader) == 5
    return [sorted(chain.from_iterable(parts)) for parts in zip(*ranks, strict=True)]


@pytest.mark.parametrize("processes", [1, 2, 4])
@pytest.mark.parametrize("done", [0, 3, 5])
def test_an_epoch_begins_anywhere_with_the_same_global_batches(monkeypatch, processes, done):
    whole = batches_from(monkeypatch, 1, 0)
    assert len(whole) == 5
    assert batches_from(monkeypatch, processes, done) == whole[done:]


def test_only_the_next_pass_begins_there(monkeypatch):
    sampler = sampler_of(monkeypatch, 0, 1)
    whole = list(sampler)
    sampler.start_at(9)
    assert list(sampler) == whole[9:]
    assert list(sampler) == whole
