"""Whole models by name, folder or hub id, and their upload to Hugging Face.

OVSAM_OFFLINE=1 or HF_HUB_OFFLINE=1 keeps off the network.
"""

import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from mmengine.config import Config
from torch import nn

import ovsam
from ovsam.cli import find_config
from ovsam.datasets.transforms.semantic import ResizeShortSide
from ovsam.engine.configuration import load_config
from ovsam.files import is_offline
from ovsam.inference.model_description import describe
from ovsam.inference.saved_model import CARD_FILE, CONFIG_FILE, Origin, Task, load_saved, save
from ovsam.registry import build_model
from ovsam.weights import WEIGHTS_FILE, Source, load_parts, read_metadata, resolve
from ovsam.weights.licences import NOT_STATED, licence_of_sources, stated
from ovsam.weights.shipped import LICENCE, NAMES, fetch_shipped

RANDOM = "none"  # as `weights`: leave the model at its random start
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
QUICKSTART = "quickstart"
QUICKSTART_ROOT = "work_dirs/quickstart"
#: What `quickstart` means to a task: the first of these configs that has been trained.
QUICKSTART_CONFIGS: dict[Task, tuple[str, ...]] = {
    "promptable": ("mini/ovsam_rn",),
    "semantic": ("mini/escnet", "mini/catseg"),
}
QUICKSTART_COMMANDS: dict[Task, str] = {"promptable": "make quickstart", "semantic": "make semantic"}
#: What answers where a user names no model.
DEFAULT_MODELS: dict[Task, str] = {"promptable": "shapes_ovsam", "semantic": "shapes_escnet"}
SHAPES = "shapes"  # `dataset_name` of the miniature's configs
SHAPES_DATA = "`shapes`, pictures that the project draws itself (tools/prepare_data.py shapes)."
SHAPES_LIMITS = "these weights know drawn shapes only"


class HubError(ValueError):
    """The hub lacks a model, refuses it, or cannot be reached."""


def load(
    source: str | Path,
    *,
    weights: str | Path | None = None,
    weights_root: str | Path | None = None,
    task: Task = "promptable",
) -> tuple[nn.Module, Origin]:
    """Build a model and load its weights.

    Args:
        source: one of, in this order: `quickstart`, what `make quickstart` (for semantic models `make
            semantic`) has trained last; weights that the package brings, such as shapes_ovsam (see
            `weights.shipped`); a saved model's folder, or a training's work folder; a .safetensors file
            that says its config; the name or file of a config, with what it has trained below
            `weights_root`; an id on the Hugging Face hub, `owner/name`.
        weights: other weights for a config: a file or source (see `ovsam.weights`); `none` = random.
        weights_root: folder of the trained stages, instead of the config's; for `quickstart` the folder
            whose `seed_*` are searched.
        task: what `quickstart` is to do.

    Returns:
        The model on the CPU, and where it comes from.

    Raises:
        HubError: no such model on the hub, or it cannot be reached.
        ValueError, FileNotFoundError, WeightsError: nothing there, or broken, or it does not fit.
    """
    name = str(source)
    if not name.strip() or name == ".":
        raise ValueError("no model given: name quickstart, a folder, a config or a hub id")
    if name == QUICKSTART:
        return _load_quickstart(weights_root or QUICKSTART_ROOT, task)
    if name in NAMES:
        return _load_shipped(name, weights or weights_root)
    path = Path(source)
    if path.is_dir():
        return _load_folder(path)
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise FileNotFoundError(f"no weights at {path}")
        return _load_weights_file(path)
    try:
        config_path = find_config(source)
    except FileNotFoundError as error:
        if HUB_ID.fullmatch(name) and not path.suffix:
            return _load_folder(_downloaded(name, hint=str(error)))
        raise
    return _load_config(config_path, weights, weights_root)


def push(model: nn.Module, origin: Origin, repo_id: str, *, private: bool = True, **card: Any) -> str:
    """Upload what `saved_model.save` writes to the Hugging Face hub, with the token of `hf auth login`.

    Args:
        model, origin, card: see `saved_model.save`.
        repo_id, private: `owner/name`; made if need be, private or not.

    Returns:
        Address of the commit.

    Raises:
        HubError: the hub refuses, or cannot be reached.
        ValueError: not a hub id, or no licence: say what others may do with the weights.
    """
    if not HUB_ID.fullmatch(repo_id):
        raise ValueError(f"a hub id is owner/name, got {repo_id!r}")
    licence = stated(card.get("licence", ""), origin.licence)
    if not licence or NOT_STATED in licence:
        raise ValueError(
            "the licence of these weights is not stated: give licence='...' to publish them"
        )
    if _is_offline():
        raise HubError("offline (OVSAM_OFFLINE=1): nothing is pushed")
    with tempfile.TemporaryDirectory() as folder:
        save(model, origin, folder, **{"name": repo_id.split("/")[1], **card})
        try:
            api = HfApi()
            api.create_repo(repo_id, private=private, exist_ok=True)
            return str(api.upload_folder(repo_id=repo_id, folder_path=folder))
        except Exception as error:  # the library's errors have no common base
            raise HubError(f"cannot push {repo_id}: {_first_line(error)}") from error


def _load_quickstart(root: str | Path, task: Task) -> tuple[nn.Module, Origin]:
    """What the miniature has trained for a task, with the newest weights below `root/seed_*`."""
    for name in QUICKSTART_CONFIGS[task]:
        found = Path(root).glob(f"seed_*/{Path(name).stem}/{WEIGHTS_FILE}")
        newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
        if newest is not None:
            model, origin = _load_config(find_config(name), newest, None)
            return model, replace(origin, licence=origin.licence or LICENCE)
    raise FileNotFoundError(
        f"no weights of a {task} model below {root}; run `{QUICKSTART_COMMANDS[task]}`, or name a"
        " folder, config or hub id"
    )


def _load_shipped(name: str, others: str | Path | None) -> tuple[nn.Module, Origin]:
    """Released weights of the package, with the config that they were trained with."""
    config = read_metadata(fetch_shipped(name)[0])["config"]
    if others:
        raise ValueError(f"{name} has its own weights: name the config {config} to load {others}")
    return _load_config(find_config(config), name, None)


def _load_config(
    path: Path, weights: str | Path | None, weights_root: str | Path | None
) -> tuple[nn.Module, Origin]:
    config = load_config(path)
    root = weights_root or config.get("weights_root", "work_dirs")
    model = build_model(config.model)
    parts = _parts(config, path.stem, weights)
    digests = load_parts(model, parts, root)
    origin = Origin(
        config=f"{path.parent.name}/{path.stem}",
        description=describe(config.model),
        weights=digests,
        licence=licence_of_sources(digests, root),
        short_side=_short_side(config),
    )
    if digests and config.get("dataset_name") == SHAPES:
        origin = replace(origin, data=SHAPES_DATA, limits=SHAPES_LIMITS)
    if whole := parts.get(""):
        file = resolve(Source.parse(whole).name, root)
        metadata = read_metadata(file) if file.suffix == ".safetensors" else {}
        origin = replace(origin, metadata=metadata, folder=file.parent)
    return model, origin


def _parts(config: Config, stem: str, weights: str | Path | None) -> dict[str, str]:
    """`initial_weights` that make the model whole: as `tools/test.py` chooses them."""
    if weights == RANDOM:
        return {}
    given = weights or config.get("test_weights")
    if given or config.get("train_cfg"):
        return {"": str(given or stem)}
    return dict(config.get("initial_weights") or {})


def _short_side(config: Config) -> tuple[int, int] | None:
    """`Origin.short_side` of a config: from the pipeline of its tests."""
    loader = config.get("test_dataloader") or config.get("val_dataloader") or {}
    for step in (loader.get("dataset") or {}).get("pipeline") or ():
        if step["type"] is ResizeShortSide:
            return int(step["size"]), int(step["max_size"])
    return None


def _load_weights_file(path: Path) -> tuple[nn.Module, Origin]:
    metadata = read_metadata(path)
    config = metadata.get("config") or metadata.get("converted_for")
    if not config:
        raise ValueError(f"{path} does not name its config: give the config, and this file as weights")
    return _load_config(find_config(config), path, None)


def _load_folder(folder: Path) -> tuple[nn.Module, Origin]:
    if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
        return load_saved(folder)
    if (folder / WEIGHTS_FILE).is_file():
        return _load_weights_file(folder / WEIGHTS_FILE)
    raise FileNotFoundError(
        f"{folder} holds no {WEIGHTS_FILE}: name a folder that save_pretrained wrote or the work folder"
        " of a finished training"
    )


def _downloaded(repo_id: str, hint: str) -> Path:
    try:
        folder = snapshot_download(
            repo_id,
            allow_patterns=[CONFIG_FILE, WEIGHTS_FILE, CARD_FILE],
            local_files_only=_is_offline(),
            library_name="ovsam",
            library_version=ovsam.__version__,
        )
    except Exception as error:  # the library's errors have no common base
        reason = "offline and not in the cache" if _is_offline() else _first_line(error)
        raise HubError(
            f"cannot get {repo_id!r} from the Hugging Face hub ({reason}), and there is {hint}"
        ) from error
    return Path(folder)


def _is_offline() -> bool:
    return is_offline() or os.environ.get("HF_HUB_OFFLINE") == "1"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
