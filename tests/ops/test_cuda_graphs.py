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


def call(graphs, tensor, *key):
    return graphs(shifted, (tensor,), *key)[0]


def graphs_and_recorder():
    recorder = Recorder()
    return CudaGraphs(recorder), recorder


def test_inputs_that_come_again_share_a_graph_and_get_their_own_results():
    graphs, recorder = graphs_and_recorder()
    counts = []
    for value in (1.0, 5.0, 7.0, 8.0):
        assert call(graphs, torch.full((2,), value)).tolist() == [value + 1] * 2
        counts.append(recorder.recorded)
    assert counts == [0, 1, 1, 1]  # what comes once is not worth recording


@pytest.mark.parametrize(
    ("tensor", "key"),
    [
        (torch.zeros(3), ()),
        (torch.zeros(2, dtype=torch.float64), ()),
        (torch.zeros(2, device="meta"), ()),
        (torch.zeros(2), ("another function",)),
    ],
    ids=["shape", "type", "device", "key"],
)
def test_another_kind_of_call_is_another_graph(tensor, key):
    graphs, recorder = graphs_and_recorder()
    for _ in range(2):
        call(graphs, torch.zeros(2))
    for _ in range(2):
        call(graphs, tensor, *key)
    assert recorder.recorded == len(graphs) == 2


@pytest.mark.parametrize("what", ["precision", "tf32"])
def test_other_arithmetic_is_another_graph(monkeypatch, what):
    graphs, recorder = graphs_and_recorder()
    for _ in range(2):
        call(graphs, torch.zeros(2))
    if what == "precision":
        monkeypatch.setattr(cuda_graphs, "_half", lambda: torch.bfloat16)
    else:
        cudnn = torch.backends.cudnn
        monkeypatch.setattr(cudnn, "allow_tf32", not cudnn.allow_tf32)
    for _ in range(2):
        call(graphs, torch.zeros(2))
    assert recorder.recorded == 2


def test_the_oldest_graph_goes_first():
    graphs, recorder = graphs_and_recorder()
    for length in range(1, cuda_graphs.KEPT + 1):
        call(graphs, torch.zeros(length))
        call(graphs, torch.zeros(length))
    call(graphs, torch.zeros(1))  # now the newest
    for _ in range(2):
        call(graphs, torch.zeros(cuda_graphs.KEPT + 1))
    recorder.recorded = 0
    call(graphs, torch.zeros(1))
    assert recorder.recorded == 0
    counts = []
    for _ in range(2):
        call(graphs, torch.zeros(2))
        counts.append(recorder.recorded)
    assert counts == [0, 1]  # what was dropped must come more than once again


def test_where_recording_fails_functions_are_called_and_a_line_says_so(monkeypatch):
    tries, lines = [], []

    def fail(function, inputs):
        tries.append(inputs)
        raise torch.OutOfMemoryError("no memory\nand a long trace")

    monkeypatch.setattr(cuda_graphs, "print_log", lambda text, *_: lines.append(text))
    graphs = CudaGraphs(fail)
    for length in (2, 2, 2, 3, 3):
        assert call(graphs, torch.zeros(length)).tolist() == [1] * length
    assert len(tries) == 1
    assert lines == ["CUDA graphs: off, no memory"]
    graphs.clear()
    for _ in range(2):
        call(graphs, torch.zeros(2))
    assert len(tries) == 2


def test_arithmetic_that_was_set_by_newer_names_is_told_apart(monkeypatch):
    class Backend:
        fp32_precision = "ieee"

        @property
        def allow_tf32(self):
            raise RuntimeError("mix of the legacy and new APIs")

    monkeypatch.setattr(torch.backends, "cudnn", Backend())
    before = cuda_graphs._arithmetic()
    torch.backends.cudnn.fp32_precision = "tf32"
    assert cuda_graphs._arithmetic() != before


def test_graphs_are_forgotten_where_it_is_asked_for():
    graphs, recorder = graphs_and_recorder()
    for _ in range(2):
        call(graphs, torch.zeros(2))
    graphs.clear()
    assert len(graphs) == 0
    for _ in range(2):
        call(graphs, torch.zeros(2))
    assert recorder.recorded == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_of_a_model_starts_without_graphs(copied):
    model = nn.Module()
    model.graphs = CudaGraphs()
    model.graphs._kept["a graph"] = lambda: None  # neither can be copied
    assert len(copied(model).graphs) == 0
    assert len(model.graphs) == 1


@pytest.mark.gpu
@pytest.mark.parametrize("device", range(torch.cuda.device_count()))
@pytest.mark.parametrize("half", [None, torch.bfloat16])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_graph_gives_what_the_function_gives_of_new_inputs_and_changed_weights(half, device, mode):
    layer = nn.Linear(8, 8).cuda(device)

    def run(tensor):
        return layer(tensor), tensor.sum(dim=1)

    def inputs():
        return torch.randn(4, 8, device=f"cuda:{device}")

    cast = {"dtype": half, "enabled": half is not None, "cache_enabled": False}
    with torch.autocast("cuda", **cast):
        with mode():
            replay = record_graph(run, (inputs(),), torch.cuda.graph_pool_handle())
        kept = []
        with torch.no_grad():
            for _ in range(2):
                given = inputs()
                kept.append((replay(given), run(given)))
                layer.weight.mul_(2)
    for found, expected in kept:
        torch.testing.assert_close(found, expected)
