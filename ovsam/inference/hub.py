"""Whole models by name, folder or hub id: loading, saving with a model card, pushing to Hugging Face.

A saved folder holds config.json (data, never code: see `model_description`), weights.safetensors and
README.md. OVSAM_OFFLINE=1 keeps from the network.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from mmengine.config import Config
from torch import nn

import ovsam
from ovsam.benchmark import records as record_files
from ovsam.cli import find_config
from ovsam.datasets.transforms.semantic import ResizeShortSide
from ovsam.engine.configuration import load_config
from ovsam.files import sha256_of
from ovsam.inference.miniature_weights import QUICKSTART_ROOT, Task, find_quickstart
from ovsam.inference.model_card import model_card
from ovsam.inference.model_description import build_described, describe, describe_vocabulary
from ovsam.registry import build_model
from ovsam.weights import (
    WEIGHTS_FILE,
    load_parts,
    load_strict,
    read_metadata,
    read_tensors,
    save_weights,
)
from ovsam.weights.licences import NOT_STATED, licence_of_sources, stated

FORMAT = 1  # of config.json
CONFIG_FILE, CARD_FILE = "config.json", "README.md"
RANDOM = "none"  # as `weights`: leave the model at its random start
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
QUICKSTART = "quickstart"


class HubError(ValueError):
    """A model that is not on the hub, or cannot be had from there."""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        config: `<family>/<stem>`; empty = unknown.
        description: the model's config as JSON (`model_description.describe`), or None.
        weights: file or source -> sha256 (hex).
        licence: of the weights; empty = not stated.
        data: what they were trained on; empty = not stated.
        metadata: of the weights' file.
        folder: where the weights lie, with the records of their tests; None = nowhere.
        short_side: (of the short side, of the long one at most), px: what tests of a semantic model
            resize pictures to before the model sees them; None = nothing.
    """

    config: str = ""
    description: Mapping[str, Any] | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    data: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    short_side: tuple[int, int] | None = None


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
            semantic`) has trained last; a folder that `save` wrote, or a training's work folder; a
            .safetensors file that says its config; the name or file of a config, with what it has
            trained below `weights_root`; an id on the Hugging Face hub, `owner/name`.
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
        raise ValueError("no model is named: give quickstart, a folder, a config or a hub id")
    if name == QUICKSTART:
        return _load_quickstart(weights_root or QUICKSTART_ROOT, task)
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


def save(
    model: nn.Module,
    origin: Origin,
    folder: str | Path,
    *,
    name: str = "",
    licence: str = "",
    data: str = "",
    records: Sequence[str | Path] | None = None,
) -> Path:
    """Write `config.json`, `weights.safetensors` and `README.md`, the model card.

    Args:
        model: with its own vocabulary.
        origin: from `load`.
        folder: is made.
        name: title of the card.
        licence: of what is yours; the origin's licences stay beside it.
        data: instead of the origin's.
        records: `record_*.json` files of tests of these weights; None = those beside the weights.

    Returns:
        The folder.

    Raises:
        ValueError: the model cannot be described, or a record is of other weights.
    """
    if origin.description is None:
        raise ValueError("this model was built by hand: only one that `hub.load` loaded can be saved")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    licence, data = stated(licence, origin.licence), data or origin.data
    found, sources = _records(records, origin), _without_places(origin.weights)
    # A promptable model that names has a classifier, a semantic one its vocabulary at hand.
    classifier = getattr(model, "classifier", None)
    vocabulary = getattr(model if classifier is None else classifier, "vocabulary", None)
    description = dict(origin.description)
    if classifier is not None:
        written_out = describe_vocabulary(vocabulary)
        description["classifier"] = {**description["classifier"], "vocabulary": written_out}
    elif vocabulary is not None:
        description["vocabulary"] = describe_vocabulary(vocabulary)
    training = {key: origin.metadata.get(key, "") for key in ("seed", "commit", "options", "dirty")}
    content = {
        "format": FORMAT,
        "ovsam": ovsam.__version__,
        "config": origin.config,
        "licence": licence,
        "data": data,
        "weights": sources,
        "training": training,
        "short_side": origin.short_side,
        "model": description,
    }
    (folder / CONFIG_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
    metadata = {
        **{k: v for k, v in origin.metadata.items() if k not in ("format", "initial_weights")},
        "config": origin.config,
        "licence": licence,
        "put_together_from": json.dumps(sources),
    }
    digest = save_weights(model, folder / WEIGHTS_FILE, metadata)
    card = model_card(
        name=name or folder.resolve().name,
        config=origin.config,
        licence=licence,
        data=data,
        class_names=[] if vocabulary is None else vocabulary.names,
        is_semantic=task_of(model) == "semantic",
        weights_sha256=digest,
        sources=sources,
        training=training,
        records=found,
    )
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    return folder


def push(model: nn.Module, origin: Origin, repo_id: str, *, private: bool = True, **card: Any) -> str:
    """Upload what `save` writes to the Hugging Face hub, with the token of `hf auth login`.

    Args:
        model, origin: see `save`.
        repo_id: `owner/name`; made if need be.
        private: whether a new repository is private.
        card: `name`, `licence`, `data` and `records` of `save`.

    Returns:
        Address of the commit.

    Raises:
        HubError: the hub refuses, or cannot be reached.
        ValueError: no hub id, or no licence: what others may do with the weights has to be said.
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
            raise HubError(f"{repo_id} cannot be pushed: {_first_line(error)}") from error


def task_of(model: nn.Module) -> Task:
    """What a model does: answers prompts, or gives every pixel a class."""
    return "semantic" if hasattr(model, "label_map") else "promptable"


def _load_quickstart(root: str | Path, task: Task) -> tuple[nn.Module, Origin]:
    model, origin = _load_config(*find_quickstart(task, root), None)
    data = "`shapes`, pictures that the project draws itself (tools/prepare_data.py shapes)."
    return model, replace(origin, licence=origin.licence or "Apache-2.0", data=data)


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
    whole = parts.get("")
    file = None if whole is None else Path(whole)
    if file is not None and not file.is_file():
        file = Path(root) / str(whole) / WEIGHTS_FILE
    if file is not None and file.is_file():
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
        raise ValueError(f"{path} does not say its config: give the config, and the file as weights")
    return _load_config(find_config(config), path, None)


def _load_folder(folder: Path) -> tuple[nn.Module, Origin]:
    weights, described = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    if not weights.is_file():
        raise FileNotFoundError(
            f"{folder} holds no {WEIGHTS_FILE}: name a folder that save_pretrained wrote or the work"
            " folder of a finished training"
        )
    if not described.is_file():
        return _load_weights_file(weights)
    try:
        content = json.loads(described.read_text(encoding="utf-8"))
        model_description = content["model"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{described} is broken ({error!r}): save or download the model again"
        ) from None
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{described} has format {content.get('format')!r}, expected {FORMAT}: update ovsam"
        )
    short_side = content.get("short_side")  # younger than the format: older files are without
    model = build_described(model_description)
    load_strict(model, read_tensors(weights), origin=str(weights))
    origin = Origin(
        config=str(content.get("config", "")),
        description=model_description,
        weights={**(content.get("weights") or {}), WEIGHTS_FILE: sha256_of(weights)},
        licence=str(content.get("licence", "")),
        data=str(content.get("data", "")),
        metadata=read_metadata(weights),
        folder=folder,
        short_side=None if short_side is None else (int(short_side[0]), int(short_side[1])),
    )
    return model, origin


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
            f"{repo_id!r} cannot be had from the Hugging Face hub ({reason}), and there is {hint}"
        ) from error
    return Path(folder)


def _records(given: Sequence[str | Path] | None, origin: Origin) -> list[record_files.Record]:
    """Records of these weights: what is given must be, what lies beside them may not be."""
    own = set(origin.weights.values())
    if given is None:
        paths = sorted(origin.folder.glob("record_*.json")) if origin.folder else []
        found = [record_files.read(path) for path in paths]
        return [record for record in found if own & set(record.weights.values())]
    found = [record_files.read(path) for path in given]
    for path, record in zip(given, found, strict=True):
        if not own & set(record.weights.values()):
            raise ValueError(f"{path} is a test of other weights; run tools/test.py on these")
    return found


def _without_places(weights: Mapping[str, str]) -> dict[str, str]:
    """Sources without the folders of this machine: of a file its own folder's name is kept."""
    return {"/".join(Path(name).parts[-2:]): digest for name, digest in weights.items()}


def _is_offline() -> bool:
    return os.environ.get("OVSAM_OFFLINE") == "1" or os.environ.get("HF_HUB_OFFLINE") == "1"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
