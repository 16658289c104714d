"""Weights: where they come from, strict loading part by part, safe reading, atomic writing.

A source is one of: "<config stem>" or "<config stem>#<prefix>" (what that config trained, below
`weights_root`), a path to a .safetensors or .pth file with or without "#<prefix>", or a name of
`released.RELEASED` with or without "#<prefix>".
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ovsam.checkpoint_reader import read_checkpoint
from ovsam.conversion import CONVERTERS
from ovsam.released import RELEASED, fetch, sha256_of

WEIGHTS_FILE = "weights.safetensors"
SHOWN_KEYS = 5  # keys named in a message


class WeightsError(RuntimeError):
    """Weights that are missing, broken or made for another model."""


def load_strict(module: nn.Module, tensors: Mapping[str, Tensor], origin: str = "weights") -> None:
    """Copy `tensors` into `module`; names and shapes must agree both ways.

    Args:
        module: takes the tensors.
        tensors: by name, as in `module.state_dict()`.
        origin: what messages call the source.

    Raises:
        WeightsError: a name is missing or unexpected, or a shape differs; nothing is copied then.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in tensors]
    unexpected = [name for name in tensors if name not in own]
    reshaped = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    if missing or unexpected or reshaped:
        cause = (
            "the source may be of another part: check the prefix after '#'"
            if len(missing) == len(own)
            else "the config may differ from the one the source was made with"
        )
        raise WeightsError(
            f"{origin} does not fit {type(module).__name__}:"
            f" {_listed('missing', missing)}, {_listed('unexpected', unexpected)},"
            f" {_listed('of another shape', reshaped)}; {cause}"
        )
    module.load_state_dict(dict(tensors), strict=True)


def load_parts(
    model: nn.Module, initial_weights: Mapping[str, str], weights_root: str | Path
) -> dict[str, str]:
    """Load the parts of a model, each from its source, strictly.

    Args:
        model: whole model.
        initial_weights: path of a submodule, parameter or buffer ("" = the whole model) -> source.
        weights_root: folder of the trained stages.

    Returns:
        Source without prefix -> sha256 (hex) of the file.

    Raises:
        WeightsError: a source does not exist, does not fit, or names no tensor.
    """
    digests: dict[str, str] = {}
    files: dict[str, dict[str, Tensor]] = {}
    for part, source in initial_weights.items():
        name, _, prefix = source.partition("#")
        if name not in files:
            path = resolve(name, weights_root)
            digests[name] = sha256_of(path)
            files[name] = read_tensors(path)
            if name in RELEASED:
                files[name] = CONVERTERS[RELEASED[name].names](files[name])
        _load_part(model, part, files[name], prefix, origin=source)
    return digests


def resolve(name: str, weights_root: str | Path) -> Path:
    """File of a source (without prefix).

    Raises:
        WeightsError: there is no such file; the message names the command that makes it.
    """
    if name in RELEASED:
        return fetch(name)
    if name.endswith((".safetensors", ".pth", ".pt")):
        path = Path(name)
        if not path.is_file():
            raise WeightsError(f"no weights at {path}")
        return path
    path = Path(weights_root) / name / WEIGHTS_FILE
    if not path.is_file():
        command = next((f"configs/{c}" for c in _configs_named(name)), "CONFIG")
        raise WeightsError(
            f"no weights at {path}; run `tools/train.py {command} --work-dir {path.parent}` first,"
            f" set weights_root, or name a .safetensors or .pth file or one of {', '.join(RELEASED)}"
        )
    return path


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU; no code in the file is ever executed.

    Args:
        path: .safetensors, or .pth / .pt of a state dict (bare, or under `state_dict` or `model`).

    Raises:
        WeightsError: the file is broken, or holds objects that could run code.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        try:
            return read_checkpoint(path)
        except Exception as error:
            raise WeightsError(f"{path} cannot be read safely: {error}") from error
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    except Exception as error:  # the library raises its own kind without a public base class
        raise WeightsError(f"{path} is broken or truncated: {error}") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """What `save_weights` was given beside the tensors of a .safetensors file."""
    with safe_open(path, framework="pt", device="cpu") as file:
        return dict(file.metadata() or {})


def save_weights(
    weights: nn.Module | Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, str]
) -> str:
    """Write a state dict as safetensors: complete under its name, or not there at all.

    Args:
        weights: module, or tensors by name.
        path: target file; its folder is made.
        metadata: origin of the weights, strings only.

    Returns:
        sha256 (hex) of the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = weights.state_dict() if isinstance(weights, nn.Module) else weights
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        save_file(tensors, partial, metadata={"format": "pt", **metadata})
        os.chmod(partial, 0o644)
        _flush(partial)
        digest = sha256_of(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        Path(partial).unlink(missing_ok=True)
    return digest


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix.`, without it; all of them for an empty prefix."""
    if not prefix:
        return dict(tensors)
    return {n[len(prefix) + 1 :]: t for n, t in tensors.items() if n.startswith(f"{prefix}.")}


def _configs_named(stem: str) -> list[str]:
    """Experiments of that name, such as `mini/sam_vit.py`."""
    package = Path(__file__).resolve().parent
    folders = [
        folder for folder in (package.parent / "configs", package / "_configs") if folder.is_dir()
    ]
    if not stem.isidentifier():
        return []
    return [path.relative_to(f).as_posix() for f in folders for path in sorted(f.rglob(f"{stem}.py"))]


def _load_part(
    model: nn.Module, part: str, tensors: Mapping[str, Tensor], prefix: str, origin: str
) -> None:
    named = dict(model.named_parameters()) | dict(model.named_buffers())
    if part in named:
        if prefix not in tensors:
            raise WeightsError(f"{origin} holds no tensor {prefix!r} for {part!r}")
        if tensors[prefix].shape != named[part].shape:
            raise WeightsError(
                f"{origin} is {tuple(tensors[prefix].shape)}, {part!r} is {tuple(named[part].shape)}"
            )
        with torch.no_grad():
            named[part].copy_(tensors[prefix])
        return
    try:
        module = model.get_submodule(part)
    except AttributeError as error:
        parts = sorted(name for name, _ in model.named_children())
        raise WeightsError(f"the model has no part {part!r}; its parts are {parts}") from error
    found = below(tensors, prefix)
    if not found:
        prefixes = sorted({name.split(".")[0] for name in tensors})
        raise WeightsError(f"{origin} holds nothing below {prefix!r}; it has {prefixes[:20]}")
    load_strict(module, found, origin=f"{origin!r} for {part!r}")


def _listed(kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_KEYS]) + (", ..." if len(names) > SHOWN_KEYS else "")
    return f"{len(names)} {kind}" + (f" ({shown})" if names else "")


def _flush(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
