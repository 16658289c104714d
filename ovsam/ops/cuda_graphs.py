"""CUDA graphs: a function of many small pieces of work on a GPU, launched at once."""

import functools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

KEPT = 16  # graphs of one object

#: Of tensors to tensors.
Function = Callable[..., tuple[Tensor, ...]]

_lock = threading.RLock()  # one graph is recorded at a time in a process


class CudaGraphs:
    """Calls functions of tensors as a CUDA graph of each kind of inputs that comes more than once.

    A function must not read values on the host, and its results must have shapes that follow from those
    of its inputs. What else it reads, such as weights, stays where it is and may change in place; else
    `clear`. If recording fails, functions are called as they are, and a line says so. Threads that
    share an object use one stream. A copy of a model starts without graphs.

    Args:
        record: makes a graph of a function and its inputs, as `record_graph` does.
    """

    def __init__(self, record: Callable[[Function, tuple[Tensor, ...]], Function] | None = None) -> None:
        self._record = record
        self._pool: Any = None
        self.clear()

    def clear(self) -> None:
        """Forget all graphs and give their memory back; recording is tried again."""
        self._fails = False
        self._seen: set[Any] = set()
        self._kept: OrderedDict[Any, Function] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, function: Function, inputs: tuple[Tensor, ...], *key: Any) -> tuple[Tensor, ...]:
        """As `function(*inputs)`; inputs are on one GPU, and the `key` tells functions apart."""
        kinds = ((tensor.shape, tensor.dtype, tensor.device) for tensor in inputs)
        with _lock:
            replay = self._replay((*key, *kinds, *_arithmetic()), function, inputs)
            if replay is not None:
                return replay(*inputs)
        return function(*inputs)

    def _replay(self, key: Any, function: Function, inputs: tuple[Tensor, ...]) -> Function | None:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if self._fails or key not in self._seen:
            self._seen.add(key)  # recording takes as long as several calls, and many kinds come once
            return None
        try:
            self._kept[key] = self._recorded(function, inputs)
        except RuntimeError as error:  # also if memory is out
            self._fails = True
            told = str(error).strip().partition("\n")[0]
            print_log(f"CUDA graphs: off, {told:.200}", "current", logging.WARNING)
            return None
        while len(self._kept) > KEPT:
            self._seen.discard(self._kept.popitem(last=False)[0])
        return self._kept[key]

    def _recorded(self, function: Function, inputs: tuple[Tensor, ...]) -> Function:
        if self._record is not None:
            return self._record(function, inputs)
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        return record_graph(function, inputs, self._pool)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._record,)


def record_graph(function: Function, inputs: tuple[Tensor, ...], pool: Any = None) -> Function:
    """A CUDA graph of `function(*inputs)`, as a function of such inputs; its results are copies.

    `pool` is memory that several graphs share, which never run at the same time.
    """
    device, half = inputs[0].device, _half()
    # A graph cannot hold the casts of weights that autocast keeps from call to call.
    cast = torch.autocast("cuda", dtype=half, enabled=half is not None, cache_enabled=False)
    graph, stream, current = torch.cuda.CUDAGraph(), _stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(current)
    try:
        # Its tensors must be usable outside the inference mode that a caller may be in.
        with torch.cuda.device(device), torch.cuda.stream(stream), torch.inference_mode(False):
            given = [tensor.clone() for tensor in inputs]
            with torch.no_grad(), cast:
                for _ in range(2):  # libraries choose their kernels and take their memory
                    function(*given)
                with torch.cuda.graph(graph, pool, stream, capture_error_mode="thread_local"):
                    results = function(*given)
    finally:
        current.wait_stream(stream)

    def replay(*inputs: Tensor) -> tuple[Tensor, ...]:
        for place, tensor in zip(given, inputs, strict=True):
            place.copy_(tensor)
        graph.replay()
        return tuple(result.clone() for result in results)

    return replay


def _half() -> torch.dtype | None:
    """What autocast casts to on a GPU; None without autocast."""
    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None


def _arithmetic() -> tuple[Any, ...]:
    """What else decides on the kernels of a call."""
    tf32 = (_tf32(torch.backends.cuda.matmul), _tf32(torch.backends.cudnn))
    return (_half(), *tf32, torch.are_deterministic_algorithms_enabled())


def _tf32(backend: Any) -> Any:
    try:
        return backend.allow_tf32
    except RuntimeError:  # it was set by its newer name
        return backend.fp32_precision


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """The one for recording: libraries keep memory for every stream."""
    return torch.cuda.Stream(device)
