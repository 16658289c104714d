"""Reads .pth, .pt and .bin state dicts without running any code that a file may hold."""

import logging
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from ovsam.weights.torchscript_reader import is_torchscript, read_torchscript

CONTAINERS = ("state_dict", "model")  # keys under which files keep the tensors
#: Keys under which files keep moving averages: of mmengine, timm, torch's examples.
AVERAGES = ("ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema")
COUNTERS = ("steps", "n_averaged", "num_updates")  # that averages keep beside their tensors
#: What rebuilds tensors. Every other name in a file becomes an `_Inert`, so nothing else is ever called.
REBUILDERS = {
    "torch._utils": (
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state",
    ),
    "collections": ("OrderedDict",),
    "torch": ("Size", "device"),
    "builtins": ("set",),
    "__builtin__": ("set",),
}  # fmt: skip
#: No checkpoint needs these: a file that names them was made to attack whoever loads it with pickle.
ATTACKS = (
    "os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "importlib", "runpy", "ctypes", "pty",
    "pickle", "marshal", "code", "multiprocessing", "asyncio", "urllib", "http", "webbrowser", "io",
    "_io", "codecs", "tempfile", "fileinput", "zipfile", "tarfile", "gzip", "bz2", "lzma", "sqlite3",
)  # fmt: skip
#: Archives of torch hold tensors unpacked and only their code packed, so that they hardly grow.
MAX_GROWTH, ROOM = 4, 1 << 24  # times their size; bytes on top of it
#: Builtins that no checkpoint needs either.
ATTACKING_BUILTINS = ("eval", "exec", "execfile", "compile", "open", "input", "breakpoint", "__import__")


class _Inert(dict):
    """Stands for an object of the file: takes arguments, items and state, and does nothing."""

    __hash__ = object.__hash__  # type: ignore[assignment]
    dump_patches = False  # torch asks the class of a whole model
    state: Any = None

    def __new__(cls, *_: Any, **__: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def ignore(self, *_: Any) -> None:
        """What unpickling calls on lists and sets."""

    append = extend = add = ignore


class _Unpickler(pickle.Unpickler):
    """Knows what rebuilds tensors, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        is_dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if is_dtype or name in REBUILDERS.get(module, ()):
            found = super().find_class(module, name)
            # A file can set attributes of what it gets, so no function of torch is given away.
            return partial(found) if module == "torch._utils" else found
        is_builtin = module in ("builtins", "__builtin__")
        if is_builtin and name == "getattr":  # how classes within classes are written
            return lambda *_: _Inert
        if module.partition(".")[0] in ATTACKS or (is_builtin and name in ATTACKING_BUILTINS):
            raise pickle.UnpicklingError(
                f"expected tensors, it asks Python for {module}.{name}, which no checkpoint needs: do"
                " not load it with other tools, and ask its author for a .safetensors file"
            )
        return _Inert


def _load(file: Any, **arguments: Any) -> Any:
    return _Unpickler(file, **arguments).load()


def read_checkpoint(path: str | Path, *, average: bool = False) -> dict[str, Tensor]:
    """Tensors of a file, on the CPU; they are read from the disk when they are used.

    Names lose what wraps a whole model: `module.` of DistributedDataParallel, `_orig_mod.` of
    torch.compile; the log says so.

    Args:
        path: state dict, bare or under one of `CONTAINERS`; a whole model; or a TorchScript archive.
        average: take the moving average that the file keeps beside it, see `AVERAGES`.

    Raises:
        pickle.UnpicklingError: the file was made to run code.
        ValueError: it holds no state dict, or no average, or unpacks to far more than it is.
    """
    if zipfile.is_zipfile(path):
        _check_unpacked_size(path)
    if is_torchscript(path):
        return read_torchscript(path)
    content = _read(path)
    content = _average(content, path) if average else content
    for key in CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if isinstance(content, _Inert):
        content = dict(_tensors_of_module(content)) or dict(content) or content
    if not isinstance(content, dict) or isinstance(content, _Inert):
        raise ValueError(f"expected a state dict, got {type(content).__name__.strip('_')}")
    others = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if others or not content:
        raise ValueError(f"expected a state dict of tensors only, found also {others[:5]}")
    return _unwrapped(content, path)


def read_plain(path: str | Path) -> dict[str, Any]:
    """What is tensors, numbers and text in a checkpoint of mmengine: `state_dict`, and `meta`.

    Raises:
        pickle.UnpicklingError, ValueError: see `read_checkpoint`.
    """
    tensors = read_checkpoint(path)
    content = {} if is_torchscript(path) else _read(path)
    meta = content.get("meta") if isinstance(content, dict) else None
    return {"state_dict": tensors, "meta": _plain(meta if isinstance(meta, dict) else {})}


def _read(path: str | Path) -> Any:
    """The content of a file, with inert objects for all that is no tensor and no plain value."""
    with warnings.catch_warnings(action="ignore"):  # of classes whose source torch does not find
        return torch.load(
            path,
            map_location="cpu",
            weights_only=False,  # it would refuse harmless objects; _Unpickler calls REBUILDERS only
            pickle_module=SimpleNamespace(__name__=__name__, Unpickler=_Unpickler, load=_load),
            mmap=zipfile.is_zipfile(path),
        )


def _check_unpacked_size(path: str | Path) -> None:
    """Raise ValueError where an archive grows when it is unpacked: torch packs no tensors."""
    size = Path(path).stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_GROWTH * size + ROOM:
        raise ValueError(
            f"its {size:,} bytes unpack to {unpacked:,}, which no checkpoint does: ask its author for a"
            " .safetensors file"
        )


def _plain(value: Any) -> Any:
    """A value with all that is no container, number or text left out."""
    if isinstance(value, _Inert):
        return None
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in value if isinstance(key, (str, int))}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float)) else None


def _average(content: Any, path: str | Path) -> Any:
    found = [key for key in AVERAGES if isinstance(content, dict) and key in content]
    if not found:
        raise ValueError(f"it keeps no moving average: none of {', '.join(AVERAGES)}")
    # mmengine's EMAHook swaps both: its `state_dict` is the average.
    is_swapped = found[0] == "ema_state_dict" and "message_hub" in content
    return content if is_swapped else content[found[0]]


def _tensors_of_module(module: _Inert, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """What `state_dict` would give of a model that was pickled whole."""
    state = module.state if isinstance(module.state, dict) else {}
    passing = state.get("_non_persistent_buffers_set", ())
    for name, tensor in {**state.get("_parameters", {}), **state.get("_buffers", {})}.items():
        if isinstance(tensor, Tensor) and name not in passing:
            yield f"{prefix}{name}", tensor
    for name, child in state.get("_modules", {}).items():
        if isinstance(child, _Inert):
            yield from _tensors_of_module(child, f"{prefix}{name}.")


def _unwrapped(tensors: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """Without the names of wrappers, and without the counters beside an average."""
    names = [name for name in tensors if name not in COUNTERS]
    plain = [re.sub(r"(^|\.)_orig_mod\.", r"\1", name) for name in names]
    while plain and all(name.startswith("module.") for name in plain):
        plain = [re.sub(r"^_orig_mod\.", "", name.removeprefix("module.")) for name in plain]
    if plain == names:
        return dict(tensors)
    text = f"{path}: left out what wraps its names, {names[0]!r} is read as {plain[0]!r}"
    print_log(text, "current", logging.INFO)
    return OrderedDict(zip(plain, (tensors[name] for name in names), strict=True))
