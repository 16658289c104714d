"""How much is computed at once."""

import pytest
import torch

from ovsam.ops.free_memory import fitting

GPU = torch.device("cuda", 1)


@pytest.fixture
def memory(monkeypatch):
    """Bytes of a GPU, by what torch calls them."""
    sizes = {"free": 0, "reserved": 0, "allocated": 0}

    def of(name):
        def read(device):
            assert device == GPU
            return sizes[name]

        return read

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (of("free")(device), 1 << 60))
    monkeypatch.setattr(torch.cuda, "memory_reserved", of("reserved"))
    monkeypatch.setattr(torch.cuda, "memory_allocated", of("allocated"))
    return sizes


@pytest.mark.parametrize(
    ("free", "number"), [(0, 8), (319, 8), (320, 16), (639, 16), (640, 32), (10**9, 64)]
)
def test_half_of_the_free_memory_of_a_gpu_is_taken_in_powers_of_two(memory, free, number):
    memory["free"] = free
    assert fitting(10, GPU, 8, 64) == number


def test_what_the_allocator_keeps_is_free_too(memory):
    memory |= {"free": 100, "reserved": 1000, "allocated": 780}
    assert fitting(10, GPU, 8, 64) == 16


def test_a_cpu_takes_the_least():
    assert fitting(1, torch.device("cpu"), 8, 64) == 8
