"""Reads .pth, .pt and .bin state dicts without running any code that a file may hold."""

import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ovsam.weights.torchscript_reader import is_torchscript, read_torchscript

#: Objects that mmengine leaves beside the tensors of its checkpoints (training history). They are
#: replaced by `_Inert`, so nothing of them is ever called.
IGNORED_OBJECTS = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.ndarray",
    "numpy.dtype",
    "builtins.getattr",
)
CONTAINERS = ("state_dict", "model")  # keys under which files keep the tensors


class _Inert:
    """Stands for an object of the file; takes its arguments and its state and does nothing."""

    def __new__(cls, *_: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Tensors of a file, on the CPU; they are read from the disk when they are used.

    Args:
        path: state dict, bare or under one of `CONTAINERS`; or a TorchScript archive.

    Raises:
        pickle.UnpicklingError: the file holds an object that is neither a tensor nor ignored by name.
        ValueError: it holds no state dict.
    """
    if is_torchscript(path):
        return read_torchscript(path)
    # One class per name: the reader looks classes up by value.
    stubs = [(type("_Inert", (_Inert,), {}), name) for name in IGNORED_OBJECTS]
    with torch.serialization.safe_globals(stubs):
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    for key in CONTAINERS:
        if isinstance(content, (dict, OrderedDict)) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise ValueError(f"expected a state dict, got {type(content).__name__}")
    others = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if others or not content:
        raise ValueError(f"expected a state dict of tensors only, found also {others[:5]}")
    return dict(content)
