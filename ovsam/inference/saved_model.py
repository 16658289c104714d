"""A whole model as a folder: config.json (data, never code), weights.safetensors, and the model card."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

import ovsam
from ovsam.benchmark import records as record_files
from ovsam.files import sha256_of
from ovsam.inference.model_card import model_card
from ovsam.inference.model_description import build_described, describe_vocabulary
from ovsam.structures.vocabulary import Vocabulary
from ovsam.weights import WEIGHTS_FILE, load_strict, read_metadata, read_tensors, save_weights
from ovsam.weights.licences import stated
from ovsam.weights.shipped import LEFT_OUT, check_world

Task = Literal["promptable", "semantic"]
FORMAT = 1  # of config.json
CONFIG_FILE, CARD_FILE = "config.json", "README.md"


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        config: `<family>/<stem>`; empty = unknown.
        description: the model's config as JSON (`model_description.describe`), or None.
        weights: file or source -> sha256 (hex).
        licence: of the weights; empty = not stated.
        data: what they were trained on; empty = not stated.
        limits: what whoever asks them must know, in one line; empty = nothing is stated.
        metadata: of the weights' file.
        folder: of the weights and the records of their tests; None = no folder.
        short_side: (short side, largest long side) in px, to which tests of a semantic model resize
            pictures before the model sees them; None = no resizing.
    """

    config: str = ""
    description: Mapping[str, Any] | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    data: str = ""
    limits: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    short_side: tuple[int, int] | None = None


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
        model, origin, folder: from `hub.load`; the folder is made if missing.
        name: title of the card.
        licence: of your own part; the licences of the origin are kept too.
        data: replaces the origin's.
        records: `record_*.json` files of tests of these weights; None = those beside the weights.

    Returns:
        The folder.

    Raises:
        ValueError: the model cannot be described, or a record is of other weights.
    """
    if origin.description is None:
        raise ValueError(
            "this model was built by hand; only a model that from_pretrained has loaded can be saved"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    licence, data = stated(licence, origin.licence), data or origin.data
    tests = _records(records, origin)
    # By file name and the name of its folder: the rest of a path is nobody's business.
    sources = {"/".join(Path(name).parts[-2:]): digest for name, digest in origin.weights.items()}
    vocabulary = vocabulary_of(model)
    description = dict(origin.description)
    if vocabulary is not None:
        owner = description
        if getattr(model, "classifier", None) is not None:
            owner = description["classifier"] = dict(description["classifier"])
        owner["vocabulary"] = describe_vocabulary(vocabulary)
    training = {key: origin.metadata.get(key, "") for key in ("seed", "commit", "options", "dirty")}
    shared = {"config": origin.config, "licence": licence, "data": data}
    content = {
        "format": FORMAT,
        "ovsam": ovsam.__version__,
        **shared,
        "limits": origin.limits,
        "weights": sources,
        "training": training,
        "short_side": origin.short_side,
        "model": description,
    }
    (folder / CONFIG_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
    metadata = {
        **{k: v for k, v in origin.metadata.items() if k not in ("format", "initial_weights", LEFT_OUT)},
        "config": origin.config,
        "licence": licence,
        "put_together_from": json.dumps(sources),
    }
    digest = save_weights(model, folder / WEIGHTS_FILE, metadata)
    card = model_card(
        **shared,
        name=name or folder.resolve().name,
        class_names=[] if vocabulary is None else vocabulary.names,
        is_semantic=task_of(model) == "semantic",
        weights_sha256=digest,
        sources=sources,
        training=training,
        records=tests,
    )
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    return folder


def load_saved(folder: Path) -> tuple[nn.Module, Origin]:
    """The model that `save` wrote.

    Raises:
        ValueError, WeightsError: a file is broken, of another version or another model.
    """
    weights, described = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    try:
        content = json.loads(described.read_text(encoding="utf-8"))
        model_description = content["model"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{described} is broken ({error!r}): save or download it again") from None
    found = content.get("format")
    if found != FORMAT:
        raise ValueError(f"{described} has format {found!r}, expected {FORMAT}: update ovsam")
    short_side = content.get("short_side")  # older files lack it
    metadata = read_metadata(weights)
    check_world(metadata, weights)
    model = build_described(model_description)
    load_strict(model, read_tensors(weights), origin=str(weights))
    origin = Origin(
        **{key: str(content.get(key, "")) for key in ("config", "licence", "data", "limits")},
        description=model_description,
        weights={**(content.get("weights") or {}), WEIGHTS_FILE: sha256_of(weights)},
        metadata=metadata,
        folder=folder,
        short_side=None if short_side is None else (int(short_side[0]), int(short_side[1])),
    )
    return model, origin


def task_of(model: nn.Module) -> Task:
    """What a model does: answers prompts, or gives every pixel a class."""
    return "semantic" if hasattr(model, "label_map") else "promptable"


def vocabulary_of(model: nn.Module) -> Vocabulary | None:
    """A model's own vocabulary; None = it only segments."""
    classifier = getattr(model, "classifier", None)
    return getattr(model if classifier is None else classifier, "vocabulary", None)


def _records(given: Sequence[str | Path] | None, origin: Origin) -> list[record_files.Record]:
    """Records of these weights. A given one must be theirs; others beside them are skipped."""
    beside = sorted(origin.folder.glob("record_*.json")) if origin.folder else []
    records = []
    for path in beside if given is None else given:
        record = record_files.read(path)
        if set(origin.weights.values()) & set(record.weights.values()):
            records.append(record)
        elif given is not None:
            raise ValueError(f"{path} is a test of other weights; run tools/test.py on these")
    return records
