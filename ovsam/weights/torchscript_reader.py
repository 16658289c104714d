"""Reads the tensors of a TorchScript archive without running any code that it holds.

OpenAI's CLIP files are such archives. `torch.jit.load` runs the archive's own functions and is
deprecated; here only the pickled tree of attributes is read, with a short list of names allowed.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

#: Names of a storage's class, without "Storage".
DTYPES = {
    "Half": torch.float16, "BFloat16": torch.bfloat16, "Float": torch.float32, "Double": torch.float64,
    "Byte": torch.uint8, "Char": torch.int8, "Short": torch.int16, "Int": torch.int32,
    "Long": torch.int64, "Bool": torch.bool,
}  # fmt: skip


def is_torchscript(path: str | Path) -> bool:
    """Whether a file is a zip archive with TorchScript's own member, `constants.pkl`."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_torchscript(path: str | Path) -> dict[str, Tensor]:
    """Every tensor among the attributes of the archive's module, by dotted path, on the CPU.

    Beside parameters and buffers these are plain tensor attributes, which a state dict would not have.

    Raises:
        pickle.UnpicklingError: the archive names something that is neither a module nor a tensor.
        KeyError, zipfile.BadZipFile: a part of the archive is missing or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        [tree] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        with archive.open(tree) as file:
            root = _Unpickler(file, archive, tree.removesuffix("data.pkl") + "data/").load()
    return dict(_tensors_of(root, ""))


class _Module:
    """Replaces every module class of the archive and keeps its attributes."""

    attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, dict) else {}


class _Unpickler(pickle.Unpickler):
    """Reads modules, tensors, containers and numbers, and refuses every other name."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, data_folder: str) -> None:
        super().__init__(file)
        self.archive = archive
        self.data_folder = data_folder

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if module == "torch" and name.endswith("Storage") and name[:-7] in DTYPES:
            return DTYPES[name[:-7]]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle":  # type tags of lists and dicts
            return lambda value, *_: value
        raise pickle.UnpicklingError(f"the archive asks for {module}.{name}, which is not allowed")

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, _, count = pid  # "storage", type, member of the archive, device, elements
        content = bytearray(self.archive.read(f"{self.data_folder}{key}"))
        if not content:
            return torch.zeros(0, dtype=dtype)
        return torch.frombuffer(content, dtype=dtype, count=count)


def _tensor(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor:
    """A tensor (size) as a view of a storage that holds all of it."""
    last = offset + sum((s - 1) * step for s, step in zip(size, stride, strict=True))
    if min((offset, *size, *stride), default=0) < 0 or (math.prod(size) and last >= len(storage)):
        raise pickle.UnpicklingError(f"a tensor of {size} lies outside its storage of {len(storage)}")
    return storage.as_strided(size, stride, offset)


def _tensors_of(node: Any, path: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(node, Tensor):
        yield path, node
    children = node.attributes if isinstance(node, _Module) else node
    if isinstance(children, (list, tuple)):
        children = dict(enumerate(children))
    if isinstance(children, dict):
        for name, value in children.items():
            yield from _tensors_of(value, f"{path}.{name}" if path else str(name))
