"""Checkpoints as files: their order, the checksum beside each, the newest one that verifies.

`epoch_3.pth` and `iter_5000.pth` are saved at the config's intervals; `epoch_3_iter_5120.pth`, saved in
between, has 3 whole epochs and 5,120 iterations in all behind it.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch.serialization import safe_globals

from ovsam.files import sha256_of, written_whole
from ovsam.weights import WeightsError

NAME = re.compile(r"(?:epoch_(\d+)(?:_iter_(\d+))?|iter_(\d+))\.pth")
CHECKSUM = ".sha256"  # added to the name of a checkpoint; sha256sum -c reads the file
#: What a killed run leaves of a file that it was writing.
PARTIAL = re.compile(rf"\.(.+\.pth({CHECKSUM})?|last_checkpoint|weights\.safetensors)\.\w{{8}}")


def read_training(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint that a training saved, on the CPU; code in the file never runs.

    Raises:
        FileNotFoundError: no such file.
        WeightsError: it holds something else than tensors, plain values and mmengine's history.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with safe_globals(_history_globals()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged file raises is not declared anywhere
        found = re.search(r"(Unsupported|Trying to load unsupported|Refused)[^.]*", str(error))
        reason = found[0] if found else str(error).partition("\n")[0]
        raise WeightsError(
            f"{path} cannot be read safely ({reason}): expected a checkpoint that `ovsam train` saved;"
            " remove it, and --resume takes the one before, or take its weights with"
            " tools/convert_weights.py"
        ) from error


def _history_globals() -> list[Any]:
    """What mmengine's history of losses is made of: numbers in arrays, and the names of its means."""
    core = np._core.multiarray
    kinds = [type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int64, np.uint32)]
    getter = (_history_method, "builtins.getattr")
    return [HistoryBuffer, np.ndarray, np.dtype, core._reconstruct, core.scalar, *kinds, getter]


def _history_method(owner: Any, name: str) -> Any:
    """In place of `getattr`: the few methods that a history names."""
    if owner is not HistoryBuffer or name not in ("mean", "max", "min", "current"):
        raise ValueError(f"Refused {owner!r:.40} {name!r}")
    return getattr(HistoryBuffer, name)


def place_of(path: Path) -> tuple[int, int] | None:
    """(whole epochs, iterations where the name has them, else 0); None for other files."""
    found = NAME.fullmatch(path.name)
    return (int(found[1] or 0), int(found[2] or found[3] or 0)) if found else None


def is_between(path: Path) -> bool:
    """Whether a checkpoint was saved between the config's intervals."""
    found = NAME.fullmatch(path.name)
    return bool(found and found[2])


def find_checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, the oldest of the training first."""
    placed = ((place_of(path), path) for path in Path(folder).glob("*.pth"))
    return [path for _, path in sorted((place, path) for place, path in placed if place)]


def checksum_file(path: Path) -> Path:
    """The file beside a checkpoint that has its sha256."""
    return path.with_name(path.name + CHECKSUM)


@contextmanager
def written_with_checksum(path: Path) -> Iterator[Path]:
    """As `written_whole`; the file has its checksum beside it from the moment it is there.

    Raises:
        OSError: no space or no permission; then a file that was there before is there still.
    """
    beside = checksum_file(path)
    with written_whole(path) as partial:
        yield partial
        line = f"{sha256_of(partial)}  {path.name}\n"
        # A kill may leave the old file or the new one under the name, so both must verify.
        earlier = beside.read_text() if path.exists() and beside.exists() else ""
        _write(beside, line + earlier)
    if earlier:
        _write(beside, line)


def _write(path: Path, text: str) -> None:
    with written_whole(path) as partial:
        partial.write_text(text)


def why_not_verified(path: Path) -> str:
    """Why a checkpoint cannot be trusted; empty if it has the sha256 that is written beside it."""
    beside = checksum_file(path)
    if not beside.is_file():
        return f"it has no {beside.name} beside it"
    known = [line.split() for line in beside.read_text(errors="replace").splitlines()]
    if [sha256_of(path), path.name] in known:
        return ""
    return f"its sha256 is not the one in {beside.name}"


def newest_verified(folder: str | Path) -> tuple[Path | None, dict[Path, str]]:
    """The checkpoint to go on from, and the newer ones that do not verify, with the reason.

    Raises:
        ValueError: there are checkpoints and none verifies.
    """
    skipped: dict[Path, str] = {}
    for path in reversed(find_checkpoints(folder)):
        reason = why_not_verified(path)
        if not reason:
            return path, skipped
        skipped[path] = reason
    if skipped:
        newest = next(iter(skipped))
        told = "; ".join(f"{path.name}: {reason}" for path, reason in skipped.items())
        raise ValueError(
            f"no checkpoint in {folder} verifies ({told}); if you trust {newest.name}, run"
            f" `cd {folder} && sha256sum {newest.name} > {newest.name}{CHECKSUM}`, else start without"
            " --resume"
        )
    return None, skipped


def remove_outdated(folder: Path, keep: int) -> None:
    """Remove what later checkpoints replace.

    Args:
        folder: where they are.
        keep: of those at the config's intervals, the last so many stay; all of them if not positive. One
            between intervals stays while it is among the newest two of all.
    """
    found = find_checkpoints(folder)
    regular = [path for path in found if not is_between(path)]
    outdated = regular[:-keep] if keep > 0 else []
    for path in [*outdated, *filter(is_between, found[:-2])]:
        remove(path)


def remove(path: Path) -> None:
    """Remove a checkpoint and what is beside it."""
    path.unlink(missing_ok=True)
    checksum_file(path).unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Remove what a killed run left unfinished."""
    for path in folder.glob(".*"):
        if PARTIAL.fullmatch(path.name) and path.is_file():
            path.unlink()
    for beside in folder.glob(f"*.pth{CHECKSUM}"):
        if not beside.with_name(beside.name.removesuffix(CHECKSUM)).exists():
            beside.unlink()


def set_aside(folder: Path, epoch: int, iteration: int) -> Path | None:
    """Move the checkpoints that lie ahead of a training that begins here to a folder of their own.

    They are of an earlier training, or do not verify; they must not be taken for those of this one.

    Returns:
        The folder; None if there were none.
    """
    ahead = [path for path in find_checkpoints(folder) if place_of(path) > (epoch, iteration)]
    if not ahead:
        return None
    target = folder / f"set_aside_{time.strftime('%Y%m%d_%H%M%S')}"
    target.mkdir(exist_ok=True)
    for path in ahead:
        for moved in (path, checksum_file(path)):
            if moved.exists():
                moved.rename(target / moved.name)
    return target
