"""CUDA graphs: a function of many small pieces of work on a GPU, launched at once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

KEPT = 16  # each has memory of its own for all that it computes

#: Of tensors to tensors.
Function = Callable[..., tuple[Tensor, ...]]


class CudaGraphs:
    """Calls functions of tensors as a CUDA graph of each kind of inputs, recorded at the first call.

    A function must not read values on the host, and its results must have shapes that follow from those
    of its inputs. A copy of a model starts without graphs.

    Args:
        record: makes a graph of a function and its inputs, as `record_graph` does.
    """

    def __init__(self, record: Callable[[Function, tuple[Tensor, ...]], Function] | None = None) -> None:
        self._record = record
        self._kept: OrderedDict[Any, Function] = OrderedDict()

    def __call__(
        self, function: Function, inputs: tuple[Tensor, ...], weights: tuple[Tensor, ...], *key: Any
    ) -> tuple[Tensor, ...]:
        """As `function(*inputs)`.

        Args:
            function: always the same for the same `key`.
            inputs: all on one GPU.
            weights: what it reads beside; they may change in place. Others make another graph.
        """
        kinds = [(tensor.shape, tensor.dtype, tensor.device) for tensor in (*inputs, *weights)]
        places = [weight.data_ptr() for weight in weights]
        full_key = (*key, *kinds, *places, _half())
        if full_key not in self._kept:
            self._kept[full_key] = (self._record or record_graph)(function, inputs)
        self._kept.move_to_end(full_key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[full_key](*inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._record,)


def record_graph(function: Function, inputs: tuple[Tensor, ...]) -> Function:
    """A CUDA graph of `function(*inputs)`, as a function of such inputs; its results are copies."""
    given = [tensor.clone() for tensor in inputs]
    device, half = given[0].device, _half()
    # A graph cannot hold the casts of weights that autocast keeps from call to call.
    cast = torch.autocast("cuda", dtype=half, enabled=half is not None, cache_enabled=False)
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream), cast:
        for _ in range(2):  # libraries choose their kernels and take their memory
            function(*given)
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"), cast:
        results = function(*given)

    def replay(*inputs: Tensor) -> tuple[Tensor, ...]:
        for place, tensor in zip(given, inputs, strict=True):
            place.copy_(tensor)
        graph.replay()
        return tuple(result.clone() for result in results)

    return replay


def _half() -> torch.dtype | None:
    """What autocast casts to on a GPU; None without autocast."""
    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
