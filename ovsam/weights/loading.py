"""Strict loading of a model, part by part."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ovsam.weights.conversion import layout_of
from ovsam.weights.files import WeightsError, opened, read_metadata
from ovsam.weights.released import DownloadError
from ovsam.weights.shipped import LEFT_OUT, check_world
from ovsam.weights.sources import Source, WeightsFile, is_within, open_weights, resolve, source_tensors

SHOWN_KEYS = 5  # keys named in a message


def load_strict(module: nn.Module, tensors: Mapping[str, Tensor], origin: str = "weights") -> None:
    """Copy `tensors` into `module`; names and shapes must agree both ways.

    Raises:
        WeightsError: a name is missing or unexpected, or a shape differs; nothing is copied then.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in tensors]
    unexpected = [name for name in tensors if name not in own]
    reshaped = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    if missing or unexpected or reshaped:
        raise WeightsError(
            f"{origin} does not fit {type(module).__name__}:"
            f" {_listed('missing', missing)}, {_listed('unexpected', unexpected)},"
            f" {_listed('of another shape', reshaped)};"
            f" {_likely_cause(own, missing, unexpected, reshaped)}"
        )
    module.load_state_dict(dict(tensors), strict=True)


def load_parts(
    model: nn.Module, initial_weights: Mapping[str, str], weights_root: str | Path
) -> dict[str, str]:
    """Load the parts of a model, each from its source, strictly.

    Args:
        initial_weights: path of a submodule, parameter or buffer ("" = the whole model) -> source; a
            piece of a path may be `*`, see `expand_parts`.
        weights_root: folder of the trained stages.

    Returns:
        Name of the source (without converter and prefix) -> sha256 (hex) of the file.

    Raises:
        WeightsError: a source does not exist, does not fit, or names no tensor.
        DownloadError: a released file cannot be had, or is not the one that was expected.
    """
    names = model.state_dict()
    keeps_label_mlp = has_label_mlp(names)
    files: dict[str, WeightsFile] = {}
    for part, text in expand_parts(initial_weights, names).items():
        source = Source.parse(text)
        if source.name not in files:
            files[source.name] = open_weights(source.name, weights_root, keeps_label_mlp)
        _load_part(model, part, source_tensors(files[source.name], source), source, origin=text)
    return {name: file.sha256 for name, file in files.items()}


def expand_parts(initial_weights: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Every part by its own name: `blocks.*.transformer` is the transformer of each block there is.

    Names are of the model's tensors; `*` stands for one piece of a path.

    Raises:
        WeightsError: the model has no part that a pattern fits.
    """
    names = list(names)
    found: dict[str, str] = {}
    for part, source in initial_weights.items():
        if "*" not in part:
            found[part] = source
            continue
        pieces = ("[^.]+" if piece == "*" else re.escape(piece) for piece in part.split("."))
        pattern = re.compile("(" + r"\.".join(pieces) + r")(?:\.|$)")
        fitting = dict.fromkeys(match[1] for name in names if (match := pattern.match(name)))
        if not fitting:
            raise WeightsError(f"the model has no part that fits {part!r}: leave it out for this model")
        found.update(dict.fromkeys(fitting, source))
    return found


def check_sources(initial_weights: Mapping[str, str], weights_root: str | Path) -> None:
    """Check that every source exists, before a model is built or anything is logged.

    Released files are downloaded now. Of .safetensors files with our names also the prefix is checked.

    Raises:
        WeightsError: one message with everything that is missing.
    """
    problems = [_problem(part, text, weights_root) for part, text in initial_weights.items()]
    if any(problems):
        raise WeightsError("; ".join(dict.fromkeys(filter(None, problems))))


def has_label_mlp(names: Iterable[str]) -> bool:
    """Whether a model with these names reads its label token (table 7's class-token variants)."""
    return any(name.split(".")[-4:-3] == ["label_mlp"] for name in names)


def _load_part(
    model: nn.Module, part: str, tensors: Mapping[str, Tensor], source: Source, origin: str
) -> None:
    named = dict(model.named_parameters()) | dict(model.named_buffers())
    if part in named:
        if list(tensors) != [""]:
            raise WeightsError(f"{origin} holds no tensor {source.prefix!r} for {part!r}")
        if tensors[""].shape != named[part].shape:
            raise WeightsError(
                f"{origin} is {tuple(tensors[''].shape)}, {part!r} is {tuple(named[part].shape)}"
            )
        with torch.no_grad():
            named[part].copy_(tensors[""])
        return
    try:
        module = model.get_submodule(part)
    except AttributeError as error:
        parts = sorted(name for name, _ in model.named_children())
        raise WeightsError(f"the model has no part {part!r}; its parts are {parts}") from error
    load_strict(module, tensors, origin=f"{origin!r} for {part!r}")


def _likely_cause(
    own: Mapping[str, Tensor], missing: list[str], unexpected: list[str], reshaped: list[str]
) -> str:
    """The most likely cause of a mismatch, and the remedy."""
    for prefix in ("module.", "model."):
        if unexpected and all(name.startswith(prefix) for name in unexpected):
            return f"the names start with a wrapper's {prefix!r}: name the part as '...#{prefix[:-1]}'"
    if any(name.split(".")[-2:-1] == ["iou_token"] for name in unexpected):
        return "SAM's whole mask decoder: write 'first_mask:SOURCE#PREFIX' for mask token 0 alone"
    if len(missing) == len(own):
        return "the source may be of another part: check the prefix after '#'"
    if has_label_mlp([*missing, *unexpected]) and not reshaped:
        return "only one has the label MLP of the class-token variants: check mask_decoder's config"
    if reshaped and not (missing or unexpected):
        return "the names agree, the sizes do not: another architecture, input size or mask decoder"
    if missing and not (unexpected or reshaped):
        return (
            "the source holds only some parts: load them one by one with initial_weights, or make one"
            " file of all with tools/convert_weights.py"
        )
    return "the config may differ from the one the source was made with"


def _problem(part: str, text: str, weights_root: str | Path) -> str:
    """What is wrong with a source, without reading its tensors; empty if nothing is."""
    try:
        source = Source.parse(text)
        path, names = resolve(source.name, weights_root), list[str]()
        if path.suffix == ".safetensors":
            metadata = read_metadata(path)
            check_world(metadata, path)
            if LEFT_OUT in metadata:
                return ""  # other files hold the rest of its names
            with opened(path) as file:
                names = list(file.keys())
    except (WeightsError, DownloadError) as error:
        return str(error)
    is_there = any(is_within(name, source.prefix) for name in names)
    if names and layout_of(names) == "ours" and not is_there:
        return f"{path} holds nothing below {source.prefix!r} for {part!r}"
    return ""


def _listed(kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_KEYS]) + (", ..." if len(names) > SHOWN_KEYS else "")
    return f"{len(names)} {kind}" + (f" ({shown})" if names else "")
