"""Memory and time of a computation: estimated without computing, and as a process really needed it."""

import resource
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

STATUS = Path("/proc/self/status")  # on Linux


def weight_bytes(model: nn.Module) -> int:
    """Bytes of parameters and buffers, each storage once."""
    tensors = [*model.parameters(), *model.buffers()]
    storages = {id(t.untyped_storage()): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def peak_tensor_bytes(run: Callable[[], Any]) -> int:
    """Most bytes that tensors made inside `run` had at one time, inputs and weights not counted.

    Nothing is computed where everything is on the meta device, so this is an estimate for any size in
    seconds: of tensors only, without what kernels take for themselves and what an allocator keeps.
    """
    with _LiveBytes() as counter:
        kept = run()
    del kept
    return counter.peak


def peak_resident_bytes() -> int:
    """Largest resident memory of this process since it began."""
    if STATUS.is_file():
        # Linux's getrusage also counts what the parent had when it started this process.
        found = [line.split()[1] for line in STATUS.read_text().splitlines() if "VmHWM:" in line]
        if found:
            return int(found[0]) * 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024  # Linux counts KiB


def peak_bytes(device: str) -> int:
    """What the allocator of a GPU held at most, or the largest resident memory of this process."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else peak_resident_bytes()


def seconds_of(run: Callable[[], object], device: str) -> float:
    """Wall-clock time of `run`, with what it starts on a GPU."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    began = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - began


class _LiveBytes(TorchDispatchMode):
    """Adds up the storages that operations return, and takes off those that are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = {id(t.untyped_storage()) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor) and id(tensor.untyped_storage()) not in given:
                self._note(tensor.untyped_storage())
        return found

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return  # a view of what is counted already
        size = storage.nbytes()
        self._known[storage] = size
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._let_go, size)

    def _let_go(self, size: int) -> None:
        self.live -= size
