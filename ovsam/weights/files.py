"""Files of tensors: safe reading, atomic writing."""

import contextlib
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ovsam.files import sha256_of, written_whole
from ovsam.weights.checkpoint_reader import read_checkpoint, read_plain


class WeightsError(RuntimeError):
    """Weights that are missing, broken or made for another model."""


def read_tensors(path: str | Path, *, average: bool = False) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU; code in the file never runs.

    Args:
        path: .safetensors, or what `checkpoint_reader.read_checkpoint` takes.
        average: take the moving average that a checkpoint keeps beside its weights.

    Raises:
        WeightsError: the file is broken, or was made to run code.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        with opened(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    with _explained(path):
        return read_checkpoint(path, average=average)


def read_plain_checkpoint(path: str | Path) -> dict[str, Any]:
    """`state_dict` of a checkpoint and what is numbers and text in its `meta`; code in it never runs.

    Raises:
        WeightsError: see `read_tensors`.
    """
    with _explained(Path(path)):
        return read_plain(path)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # what a damaged file raises is not declared anywhere
        reason, text = "truncated, damaged or no checkpoint", str(error).partition("\n")[0]
        if isinstance(error, pickle.UnpicklingError):
            reason, text = "damaged, or was made to run code", str(error).partition("\n")[0]
        raise WeightsError(f"{path} cannot be read safely: it is {reason} ({text})") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata that `save_weights` wrote into a .safetensors file."""
    with opened(Path(path)) as file:
        return dict(file.metadata() or {})


def save_weights(
    weights: nn.Module | Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, str]
) -> str:
    """Write a state dict and its origin as safetensors: the whole file or nothing.

    Equal tensors and metadata give equal files.

    Returns:
        sha256 (hex) of the file.
    """
    state = weights.state_dict() if isinstance(weights, nn.Module) else weights
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    with written_whole(Path(path)) as partial:
        save_file(tensors, partial, metadata={"format": "pt", **metadata})
        _sort_metadata(partial)
        return sha256_of(partial)


def _sort_metadata(path: Path) -> None:
    """Order the metadata of a .safetensors file by name; the library writes them in a random order."""
    with open(path, "r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(text) <= size, "only the order differs"
        file.seek(8)
        file.write(text.ljust(size))


@contextlib.contextmanager
def opened(path: Path) -> Iterator[safe_open]:
    """A .safetensors file; WeightsError where it is broken."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except Exception as error:  # the library raises its own kind without a public base class
        raise WeightsError(
            f"{path} is broken or truncated ({error}): expected a .safetensors file; download or make it"
            " again"
        ) from error
