"""Pictures that a command is given: files, folders and patterns, one after the other."""

import glob
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from ovsam.cli import describe
from ovsam.datasets.vocabularies import VOCABULARIES
from ovsam.inference.pretrained import Pretrained

PICTURE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
OVERLAY_SIDES = 640, 1600  # px of the longer side of an overlay, at least and at most
EXIT_SOME_FAILED = 1


def find_pictures(given: Sequence[str]) -> list[Path]:
    """Files that are named, inside named folders, or matched by patterns; each once, in order.

    Raises:
        FileNotFoundError: a name that is none of these, or a folder or pattern without pictures.
    """
    found: dict[Path, None] = {}
    for name in given:
        path = Path(name)
        if path.is_dir():
            paths = sorted(p for p in path.rglob("*") if _is_picture(p))
        elif path.exists() or not glob.has_magic(name):
            paths = [path]
        else:
            paths = sorted(Path(p) for p in glob.glob(name, recursive=True) if _is_picture(Path(p)))
        if not paths or not paths[0].exists():
            kind = "holds no pictures" if path.is_dir() else "does not exist"
            kind = "matches no picture" if not path.exists() and glob.has_magic(name) else kind
            raise FileNotFoundError(f"{name} {kind} ({', '.join(PICTURE_SUFFIXES)})")
        found.update(dict.fromkeys(paths))
    return list(found)


def short_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Names for results: the paths below the folder that all pictures share."""
    whole = [path.resolve() for path in paths]
    shared = Path(os.path.commonpath([path.parent for path in whole]))
    return {
        path: resolved.relative_to(shared).as_posix()
        for path, resolved in zip(paths, whole, strict=True)
    }


def each_picture(paths: Sequence[Path], work: Callable[[Path], None]) -> int:
    """Do `work` for each picture, with a progress bar on stderr; a bad one of several is told and left.

    Returns:
        Exit code: 1 if some failed, else 0.

    Raises:
        ValueError, OSError: the only picture is bad.
    """
    if len(paths) == 1:
        work(paths[0])
        return 0
    progress = track(paths, "pictures", console=Console(stderr=True))
    num_failed = sum(not _succeeds(path, work) for path in progress)
    if num_failed:
        print(f"{num_failed} of {len(paths)} pictures failed", file=sys.stderr)
    return EXIT_SOME_FAILED if num_failed else 0


def read_words(given: Sequence[str] | None) -> Any:
    """One file or known list by its name; else words."""
    if given and len(given) == 1:
        known = Path(given[0]).suffix.lower() in (".txt", ".json") or given[0] in VOCABULARIES
        return given[0] if known else given
    return given


def show_model(model: Pretrained) -> None:
    """Say on stderr what answers, and under which licence."""
    weights = f"licence of the weights: {model.origin.licence or 'not stated'}"
    if not model.origin.weights:
        weights = "random weights, its answers mean nothing"
    print(f"{model.origin.config}, {weights}, on {model.device}", file=sys.stderr)


def model_info(model: Pretrained) -> dict[str, Any]:
    """What result files say of the model."""
    origin = model.origin
    return {
        "model": origin.config,
        "weights_licence": origin.licence,
        "weights": {Path(name).name: digest for name, digest in origin.weights.items()},
    }


def _succeeds(path: Path, work: Callable[[Path], None]) -> bool:
    try:
        work(path)
    except (ValueError, OSError) as error:
        print(f"error: {path}: {describe(error)}", file=sys.stderr)
        return False
    return True


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
