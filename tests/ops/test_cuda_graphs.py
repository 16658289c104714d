"""CUDA graphs: when one is recorded, when it is played again; on a GPU also that it gives the same."""

import copy
import pickle

import pytest
import torch
from torch import nn

from ovsam.ops import cuda_graphs
from ovsam.ops.cuda_graphs import CudaGraphs, record_graph


class Recorder:
    """Plays what a graph would: the function, on the inputs of the call; counts."""

    def __init__(self):
        self.recorded = 0

    def __call__(self, function, inputs):
        self.recorded += 1
        return function


def shifted(tensor):
    return (tensor + 1,)


def call(graphs, tensor, weights=(), *key):
    return graphs(shifted, (tensor,), weights, *key)[0]


def test_inputs_of_a_kind_share_a_graph_and_get_their_own_results():
    recorder = Recorder()
    graphs = CudaGraphs(recorder)
    for value in (1.0, 5.0):
        assert call(graphs, torch.full((2,), value)).tolist() == [value + 1] * 2
    assert recorder.recorded == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda graphs: call(graphs, torch.zeros(3)),
        lambda graphs: call(graphs, torch.zeros(2, dtype=torch.float64)),
        lambda graphs: call(graphs, torch.zeros(2), (), "another function"),
        lambda graphs: call(graphs, torch.zeros(2), (torch.zeros(1),)),
    ],
    ids=["shape", "type", "key", "weights"],
)
def test_another_kind_of_call_is_another_graph(other):
    recorder = Recorder()
    graphs = CudaGraphs(recorder)
    call(graphs, torch.zeros(2))
    other(graphs)
    assert recorder.recorded == 2


def test_another_precision_is_another_graph(monkeypatch):
    recorder = Recorder()
    graphs = CudaGraphs(recorder)
    call(graphs, torch.zeros(2))
    monkeypatch.setattr(cuda_graphs, "_half", lambda: torch.bfloat16)
    call(graphs, torch.zeros(2))
    assert recorder.recorded == 2


def test_weights_that_change_in_place_keep_the_graph_and_new_ones_do_not():
    recorder, weight = Recorder(), torch.zeros(1)
    graphs = CudaGraphs(recorder)
    call(graphs, torch.zeros(2), (weight,))
    weight.fill_(3)
    call(graphs, torch.zeros(2), (weight,))
    assert recorder.recorded == 1
    call(graphs, torch.zeros(2), (weight.clone(),))
    assert recorder.recorded == 2


def test_the_oldest_graph_goes_first():
    recorder = Recorder()
    graphs = CudaGraphs(recorder)
    for length in range(1, cuda_graphs.KEPT + 1):
        call(graphs, torch.zeros(length))
    call(graphs, torch.zeros(1))  # now the newest
    call(graphs, torch.zeros(cuda_graphs.KEPT + 1))
    recorder.recorded = 0
    call(graphs, torch.zeros(1))
    assert recorder.recorded == 0
    call(graphs, torch.zeros(2))
    assert recorder.recorded == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_of_a_model_starts_without_graphs(copied):
    model = nn.Module()
    model.graphs = CudaGraphs()
    model.graphs._kept["a graph"] = lambda: None  # neither can be copied
    assert not copied(model).graphs._kept
    assert model.graphs._kept


@pytest.mark.gpu
@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_a_graph_gives_what_the_function_gives_of_new_inputs_and_changed_weights(half):
    layer = nn.Linear(8, 8).cuda()

    def run(tensor):
        return layer(tensor), tensor.sum(dim=1)

    cast = torch.autocast("cuda", dtype=half, enabled=half is not None)
    with torch.no_grad(), cast:
        replay = record_graph(run, (torch.randn(4, 8, device="cuda"),))
        kept = []
        for _ in range(2):
            inputs = torch.randn(4, 8, device="cuda")
            kept.append((replay(inputs), run(inputs)))
            layer.weight.mul_(2)
        for found, expected in kept:
            torch.testing.assert_close(found, expected)
