"""States of processes: global generators, and gradients that wait for their step."""

import random

import numpy as np
import pytest
import torch

from ovsam.engine.process_state import kept_random_state, random_state, set_random_state


def draws():
    return (random.random(), random.gauss(0, 1), np.random.rand(), float(torch.rand(())))  # noqa: NPY002


@pytest.fixture(autouse=True)
def _own_draws():
    with kept_random_state():
        yield


def test_every_global_generator_goes_on_where_it_was(tmp_path):
    random.gauss(0, 1)  # keeps a second number for the next call
    torch.save(random_state(), tmp_path / "state.pth")
    first = draws()
    assert draws() != first
    set_random_state(torch.load(tmp_path / "state.pth", weights_only=True))
    assert draws() == first


def test_what_is_drawn_inside_changes_nothing_after_it():
    state = random_state()
    expected = draws()
    set_random_state(state)
    with kept_random_state():
        draws()
    assert draws() == expected
