"""Weights: where they come from, strict loading part by part, safe reading, atomic writing.

A source is one of: "<config stem>" or "<config stem>#<prefix>" (what that config trained, below
`weights_root`), a path to a .safetensors, .pth, .pt or .bin file with or without "#<prefix>", or a name
of `released.RELEASED` with or without "#<prefix>". The authors' and CLIP's parameter names are converted
to ours first, so a prefix is always one of ours. "first_mask:<source>" takes SAM's mask decoder reduced
to mask token 0.
"""

import contextlib
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ovsam.cache import written_whole
from ovsam.checkpoint_reader import read_checkpoint
from ovsam.conversion import PART_CONVERTERS, convert, layout_of
from ovsam.released import RELEASED, DownloadError, fetch, fetch_verified, released_file, sha256_of

WEIGHTS_FILE = "weights.safetensors"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
SHOWN_KEYS = 5  # keys named in a message


class WeightsError(RuntimeError):
    """Weights that are missing, broken or made for another model."""


@dataclass(frozen=True)
class Source:
    """Where the weights of a part come from.

    Attributes:
        name: stem of a config, path, or key of `RELEASED`.
        prefix: what of it, by our names; empty = all.
        converter: key of `PART_CONVERTERS`, or empty.
    """

    name: str
    prefix: str = ""
    converter: str = ""

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `[converter:]name[#prefix]`.

        Raises:
            WeightsError: unknown converter, or no name.
        """
        rest, _, prefix = text.partition("#")
        before, colon, after = rest.partition(":")
        converter = before if colon and before.isidentifier() and len(before) > 1 else ""  # not "C:"
        if converter and converter not in PART_CONVERTERS:
            raise WeightsError(
                f"source {text!r} asks for the converter {converter!r};"
                f" known: {', '.join(PART_CONVERTERS)}; addresses are not sources, download the file"
            )
        name = after if converter else rest
        if not name:
            raise WeightsError(f"source {text!r} names nothing; expected [converter:]name[#prefix]")
        return cls(name=name, prefix=prefix, converter=converter)


@dataclass(frozen=True)
class WeightsFile:
    """One opened source.

    Attributes:
        path: the file.
        sha256: of the file, hex.
        licence: what its authors allow; empty where nothing says it.
        tensors: by our names.
        layout: whose names the file has, see `conversion.layout_of`.
    """

    path: Path
    sha256: str
    licence: str
    tensors: dict[str, Tensor]
    layout: str


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
        model: whole model.
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

    Args:
        initial_weights: as in `load_parts`; `*` stands for one piece of a path.
        names: of the model's tensors.

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
    """Find out early whether every source is there: before a model is built or anything is logged.

    Released files are downloaded now. Of .safetensors files with our names also the prefix is checked.

    Args:
        initial_weights: as in `load_parts`.
        weights_root: folder of the trained stages.

    Raises:
        WeightsError: all that is missing, in one message.
    """
    problems = [_problem(part, text, weights_root) for part, text in initial_weights.items()]
    if any(problems):
        raise WeightsError("; ".join(dict.fromkeys(filter(None, problems))))


def open_weights(name: str, weights_root: str | Path, keep_label_mlp: bool = False) -> WeightsFile:
    """Read a source's file and convert its names to ours.

    Args:
        name: of the source, without converter and prefix.
        weights_root: folder of the trained stages.
        keep_label_mlp: see `conversion.convert_ovsam`.

    Raises:
        WeightsError: there is no such file, it is broken or truncated, or not what its name says.
        DownloadError: a released file cannot be had, or is not the one that was expected.
    """
    if name in RELEASED:
        released = RELEASED[name]
        path, digest = fetch_verified(name)
        layout, licence = released.names, released.licence
        tensors = read_tensors(path)
    else:
        path = resolve(name, weights_root)
        digest = sha256_of(path)
        known = released_file(path)
        if known and known.sha256 not in (None, digest):
            raise WeightsError(
                f"{path} has the name of a released file but sha256 {digest}, expected {known.sha256}:"
                f" truncated or changed; download {known.url} again, or rename the file"
            )
        tensors = read_tensors(path)
        layout, licence = layout_of(tensors), known.licence if known else ""
        if path.suffix == ".safetensors":
            licence = read_metadata(path).get("licence", licence)
    try:
        converted = convert(tensors, layout, keep_label_mlp)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from error
    return WeightsFile(path, digest, licence, converted, layout)


def source_tensors(file: WeightsFile, source: Source) -> dict[str, Tensor]:
    """What a source means of its opened file: its prefix, converted.

    A prefix that is one tensor gives that tensor under the empty name.

    Raises:
        WeightsError: nothing is below the prefix, or it is not what the converter takes.
    """
    if source.prefix in file.tensors:
        return {"": file.tensors[source.prefix]}
    found = below(file.tensors, source.prefix)
    if not found:
        prefixes = sorted({name.split(".")[0] for name in file.tensors})
        raise WeightsError(
            f"{source.name!r} holds no tensor {source.prefix!r} and nothing below {source.prefix!r};"
            f" it has {prefixes[:20]}"
        )
    if not source.converter:
        return found
    try:
        return PART_CONVERTERS[source.converter](found)
    except ValueError as error:
        raise WeightsError(f"{source.converter} of {source.name}#{source.prefix}: {error}") from error


def has_label_mlp(names: Iterable[str]) -> bool:
    """Whether a model with these names reads its label token (table 7's class-token variants)."""
    return any(name.split(".")[-4:-3] == ["label_mlp"] for name in names)


def resolve(name: str, weights_root: str | Path) -> Path:
    """File of a source (without prefix).

    Raises:
        WeightsError: there is no such file; the message names the command that makes it.
    """
    if name in RELEASED:
        return fetch(name)
    if name.endswith(SUFFIXES):
        path = Path(name)
        if not path.is_file():
            raise WeightsError(f"no weights at {path}")
        return path
    path = Path(weights_root) / name / WEIGHTS_FILE
    if not path.is_file():
        command = next((f"configs/{c}" for c in _configs_named(name)), "CONFIG")
        raise WeightsError(
            f"no weights at {path}; run `tools/train.py {command} --work-dir {path.parent}` first,"
            f" set weights_root, make it with tools/convert_weights.py, or name a .safetensors or .pth"
            f" file or one of {', '.join(RELEASED)}"
        )
    return path


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU; no code in the file is ever executed.

    Args:
        path: .safetensors; or .pth, .pt, .bin of a state dict (bare, or under `state_dict` or `model`);
            or a TorchScript archive.

    Raises:
        WeightsError: the file is broken, or holds objects that could run code.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        with _opened(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    try:
        return read_checkpoint(path)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} cannot be read safely: it is damaged, or holds objects that could run code"
            f" ({error})"
        ) from error
    except Exception as error:  # what a damaged file raises is not declared anywhere
        raise WeightsError(
            f"{path} cannot be read safely: it is truncated, damaged or no checkpoint ({error})"
        ) from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """What `save_weights` was given beside the tensors of a .safetensors file."""
    with _opened(Path(path)) as file:
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
    state = weights.state_dict() if isinstance(weights, nn.Module) else weights
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    with written_whole(Path(path)) as partial:
        save_file(tensors, partial, metadata={"format": "pt", **metadata})
        return sha256_of(partial)


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
    """The most likely reason of a mismatch, and what mends it."""
    for prefix in ("module.", "model."):
        if unexpected and all(name.startswith(prefix) for name in unexpected):
            return (
                f"the names have a wrapper's {prefix!r} in front: name the part as '...#{prefix[:-1]}'"
            )
    if any(name.split(".")[-2:-1] == ["iou_token"] for name in unexpected):
        return (
            "this is SAM's whole mask decoder: for mask token 0 alone write 'first_mask:SOURCE#PREFIX'"
        )
    if len(missing) == len(own):
        return "the source may be of another part: check the prefix after '#'"
    if has_label_mlp([*missing, *unexpected]) and not reshaped:
        return (
            "one of the two has the label MLP of the class-token variants: check mask_decoder's config"
        )
    if reshaped and not (missing or unexpected):
        return "the names agree, the sizes do not: another architecture, input size or mask decoder"
    if missing and not (unexpected or reshaped):
        return (
            "the source holds only some parts: load them one by one with initial_weights, or make one"
            " file of all with tools/convert_weights.py"
        )
    return "the config may differ from the one the source was made with"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except Exception as error:  # the library raises its own kind without a public base class
        raise WeightsError(f"{path} is broken or truncated: {error}") from error


def _problem(part: str, text: str, weights_root: str | Path) -> str:
    """What is wrong with a source before it is read; empty if nothing is."""
    try:
        source = Source.parse(text)
        path = resolve(source.name, weights_root)
        names = _names_in(path) if path.suffix == ".safetensors" else []
    except (WeightsError, DownloadError) as error:
        return str(error)
    if names and layout_of(names) == "ours" and not _has_prefix(names, source.prefix):
        return f"{path} holds nothing below {source.prefix!r} for {part!r}"
    return ""


def _names_in(path: Path) -> list[str]:
    with _opened(path) as file:
        return list(file.keys())


def _has_prefix(names: Iterable[str], prefix: str) -> bool:
    return not prefix or any(name == prefix or name.startswith(f"{prefix}.") for name in names)


def _listed(kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_KEYS]) + (", ..." if len(names) > SHOWN_KEYS else "")
    return f"{len(names)} {kind}" + (f" ({shown})" if names else "")
