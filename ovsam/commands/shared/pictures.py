"""What commands on your own pictures share: the model, its words, pictures one after the other."""

import glob
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import ovsam
from ovsam.cli import describe
from ovsam.commands.shared.progress import tracked
from ovsam.datasets.vocabularies import is_vocabulary_name
from ovsam.inference.hub import DEFAULT_MODELS, QUICKSTART
from ovsam.inference.pretrained import Pretrained
from ovsam.inference.vocabulary_input import FILE_ENDINGS
from ovsam.interfaces import Size
from ovsam.models.text.embeddings_file import is_embeddings_file

PICTURE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
Loaded = TypeVar("Loaded", bound=Pretrained)
EXIT_SOME_FAILED = 1


def load_model(kind: type[Loaded], args: Namespace, **settings: Any) -> Loaded:
    """The model that `--model`, `--weights` and `--weights-root` name, such as a `Predictor`.

    Without `--model` the released one, or what the quickstart left below `--weights-root`.

    Raises:
        ValueError, FileNotFoundError, WeightsError: see `Pretrained.from_pretrained`.
    """
    source = args.model or (QUICKSTART if args.weights_root else DEFAULT_MODELS[kind.task])
    return kind.from_pretrained(source, weights=args.weights, weights_root=args.weights_root, **settings)


def save_overlay(overlay: NDArray[np.uint8], path: Path) -> None:
    """Write an overlay; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(overlay).save(path)


def overlay_side(size: Size) -> int:
    """The longer side in px of the overlay of a picture of `size` (H, W)."""
    return int(np.clip(max(size), 640, 1600))


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
    """Do `work` for each picture, with a progress bar on stderr; of several, report a bad one and go on.

    Returns:
        Exit code: 1 if some failed, else 0.

    Raises:
        ValueError, OSError: the only picture is bad.
    """
    if len(paths) == 1:
        work(paths[0])
        return 0
    num_failed = sum(not _succeeds(path, work) for path in tracked(paths, "pictures"))
    if num_failed:
        print(f"{num_failed} of {len(paths)} pictures failed", file=sys.stderr)
    return EXIT_SOME_FAILED if num_failed else 0


def read_words(given: Sequence[str] | None) -> Any:
    """One file or known list by its name; else words."""
    if not given or len(given) > 1:
        return given
    is_file = Path(given[0]).suffix.lower() in FILE_ENDINGS or is_embeddings_file(given[0])
    return given[0] if is_file or is_vocabulary_name(given[0]) else given


def show_model(model: Pretrained) -> None:
    """Print the model, its licence, its device and its limits on stderr."""
    weights = f"licence of the weights: {model.origin.licence or 'not stated'}"
    if not model.origin.weights:
        weights = "random weights: its answers mean nothing"
    print(f"{model.origin.config}, {weights}, on {model.device}", file=sys.stderr)
    if model.origin.limits:
        print(model.origin.limits, file=sys.stderr)


def model_info(model: Pretrained) -> dict[str, Any]:
    """What result files say of the model."""
    origin = model.origin
    return {
        "made_by": f"ovsam {ovsam.__version__}",
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
