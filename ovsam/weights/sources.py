"""Sources of weights: from the text in a config to the tensors of one opened file.

A source is one of: "<config stem>" or "<config stem>#<prefix>" (what that config trained, below
`weights_root`), a path to a .safetensors, .pth, .pt or .bin file with or without "#<prefix>", or a name
of `released.RELEASED` with or without "#<prefix>". The authors' and CLIP's parameter names are converted
to ours first, so a prefix is always one of ours. "first_mask:<source>" takes SAM's mask decoder reduced
to mask token 0, "ema:<file>" the moving average that a checkpoint keeps beside its weights.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ovsam.cli import list_configs
from ovsam.weights.conversion import PART_CONVERTERS, convert, layout_of
from ovsam.weights.files import WeightsError, read_metadata, read_tensors
from ovsam.weights.released import RELEASED, fetch, fetch_verified, released_file, sha256_once
from ovsam.weights.shipped import LEFT_OUT, NAMES, check_world, fetch_shipped, shipped_path

WEIGHTS_FILE = "weights.safetensors"
AVERAGE = "ema:"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class Source:
    """Where the weights of a part come from.

    Attributes:
        name: stem of a config, path (after `ema:` where its average is meant), key of `RELEASED`, or one
            of `NAMES`.
        prefix: which part of it, by our names; empty = all.
        converter: key of `PART_CONVERTERS`, or empty.
    """

    name: str
    prefix: str = ""
    converter: str = ""

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `[converter:]name[#prefix]`; WeightsError for an unknown converter, or no name."""
        rest, _, prefix = text.partition("#")
        before, colon, after = rest.partition(":")
        if rest.startswith(AVERAGE):
            return cls(name=rest, prefix=prefix)
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


def open_weights(name: str, weights_root: str | Path, keep_label_mlp: bool = False) -> WeightsFile:
    """Read the file of a source (without converter and prefix) and convert its names to ours.

    Raises:
        WeightsError: there is no such file, it is broken or of another world of `shapes`, or its content
            does not fit its name.
        DownloadError: a released file is unavailable, or has another checksum.
    """
    path, digest = locate(name, weights_root)
    metadata = read_metadata(path) if path.suffix == ".safetensors" else {}
    check_world(metadata, path)
    tensors = read_tensors(path, average=name.startswith(AVERAGE))
    known = RELEASED.get(name) or released_file(path)
    licence = metadata.get("licence", known.licence if known else "")
    layout = RELEASED[name].names if name in RELEASED else layout_of(tensors)
    try:
        converted = convert(tensors, layout, keep_label_mlp)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from error
    if LEFT_OUT in metadata:
        shared = _shared_tensors(metadata[LEFT_OUT], path)
        if both := converted.keys() & shared.keys():
            raise WeightsError(f"{path} holds {min(both)!r} and says that another file does: damaged")
        converted |= shared
    return WeightsFile(path, digest, licence, converted, layout)


def locate(name: str, weights_root: str | Path) -> tuple[Path, str]:
    """File of a source (without converter and prefix) and its sha256 (hex).

    Raises:
        WeightsError: there is no such file, or it is not the released one whose name it has.
        DownloadError: a released file is unavailable, or has another checksum.
    """
    if name in NAMES:
        return fetch_shipped(name)
    if name in RELEASED:
        return fetch_verified(name)
    path = resolve(name, weights_root)
    digest = sha256_once(path)
    known = released_file(path)
    if known and known.sha256 not in (None, digest):
        raise WeightsError(
            f"{path} has the name of a released file but sha256 {digest}, expected {known.sha256}:"
            f" truncated or changed; download {known.url} again, or rename the file"
        )
    return path, digest


def resolve(name: str, weights_root: str | Path) -> Path:
    """File of a source (without converter and prefix).

    Raises:
        WeightsError: there is no such file; the message names the command that makes it.
    """
    if name in NAMES:
        return fetch_shipped(name)[0]
    if name in RELEASED:
        return fetch(name)
    if name.endswith(SUFFIXES):
        path = Path(name.removeprefix(AVERAGE))
        if not path.is_file():
            raise WeightsError(f"no weights at {path}")
        return path
    path = Path(weights_root) / name / WEIGHTS_FILE
    if not path.is_file():
        raise WeightsError(f"no weights at {path}; {_what_makes(name, path)}")
    return path


def source_tensors(file: WeightsFile, source: Source) -> dict[str, Tensor]:
    """The tensors of a source from its opened file: those of its prefix, converted.

    A prefix that is one tensor gives that tensor under the empty name.

    Raises:
        WeightsError: nothing is below the prefix, or it is not what the converter takes.
    """
    if source.prefix in file.tensors:
        return {"": file.tensors[source.prefix]}
    # Names are read without a wrapper's "module.", so "#module" is all of them.
    found = below(file.tensors, source.prefix if source.prefix != "module" else "")
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


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix.`, without it; all of them for an empty prefix."""
    if not prefix:
        return dict(tensors)
    return {n[len(prefix) + 1 :]: t for n, t in tensors.items() if n.startswith(f"{prefix}.")}


def is_within(name: str, part: str) -> bool:
    """Whether a tensor belongs to a part of the model; an empty part is the whole model."""
    return not part or name == part or name.startswith(f"{part}.")


def _shared_tensors(text: str, path: Path) -> dict[str, Tensor]:
    """What the file at `path` leaves out because released ones hold it, by our names.

    `text`: JSON, part -> [source, sha256 of its file]. Only what the package brings is a source.
    """
    try:
        left_out = {part: (Source.parse(given), sha) for part, (given, sha) in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} does not say where its other parts are: {error}") from error
    files: dict[str, WeightsFile] = {}
    shared = {}
    for part, (source, expected) in left_out.items():
        if source.name not in NAMES or shipped_path(source.name) == path:
            raise WeightsError(
                f"{path} leaves {part!r} to {source.name!r}, expected another of {', '.join(NAMES)}"
            )
        if source.name not in files:
            found = fetch_shipped(source.name)[1]
            if found != expected:
                raise WeightsError(
                    f"{path} shares {part!r} with {source.name} of sha256 {expected}, but that has"
                    f" {found}; make {path.name} again: ovsam/weights/small/README.md"
                )
            files[source.name] = open_weights(source.name, "")
        file = files[source.name]
        for name, tensor in source_tensors(file, source).items():
            shared[".".join(filter(None, (part, name)))] = tensor
    return shared


def _what_makes(name: str, path: Path) -> str:
    """The advice for weights that are missing at `path`."""
    configs = [f"{config}.py" for config in list_configs() if Path(config).name == name]
    if not configs:
        released = (*RELEASED, *NAMES)
        near = difflib.get_close_matches(name, released, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"released: {', '.join(released)}"
        makes = "make them with tools/convert_weights.py"
        return f"{makes}; no config and no released file is called {name!r}; {hint}"
    family = path.parents[1].name  # of configs of one name that whose weights_root this is
    config = min(configs, key=lambda config: Path(config).parent.name != family)
    trained = sorted(Path("work_dirs").glob(f"*/seed_*/{name}/{WEIGHTS_FILE}"))
    other = "set weights_root, or make them with tools/convert_weights.py"
    if trained:
        other = f"or set weights_root={trained[0].parents[1]}, which has them"
    return f"run `tools/train.py configs/{config} --work-dir {path.parent}` first, {other}"
