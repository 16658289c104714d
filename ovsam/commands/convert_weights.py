"""What `ovsam convert_weights` does; its options are in `ovsam.arguments.convert_weights`."""

import json
import re
import sys
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor, nn

from ovsam.benchmark.provenance import versions
from ovsam.cli import find_config
from ovsam.commands.shared.options import asked_config, experiment_name
from ovsam.registry import build_model
from ovsam.weights import (
    Source,
    WeightsError,
    WeightsFile,
    check_sources,
    expand_parts,
    has_label_mlp,
    is_within,
    load_strict,
    open_weights,
    save_weights,
    source_tensors,
)
from ovsam.weights.licences import NOT_STATED, joined
from ovsam.weights.released import DownloadError


@dataclass
class Collection:
    """Tensors of a model by name, and the files that they are from.

    Attributes:
        tensors: by the model's names.
        files: opened sources by name.
        used: name of the source -> parts of the model that it gave.
    """

    weights_root: str
    keep_label_mlp: bool
    tensors: dict[str, Tensor] = field(default_factory=dict)
    files: dict[str, WeightsFile] = field(default_factory=dict)
    used: dict[str, list[str]] = field(default_factory=dict)

    def add(self, part: str, text: str, replaces: bool = True) -> None:
        """Take the tensors of a source for `part` (empty = names of the whole model).

        Raises:
            WeightsError: the source is not there, broken, or holds nothing of this name.
        """
        source = Source.parse(text)
        if source.name not in self.files:
            self.files[source.name] = open_weights(source.name, self.weights_root, self.keep_label_mlp)
        for name, tensor in source_tensors(self.files[source.name], source).items():
            full = ".".join(filter(None, (part, name)))
            if replaces or full not in self.tensors:
                self.tensors[full] = tensor
        self.used.setdefault(source.name, []).append(part or "whole model")


def run(args: Namespace) -> int:
    """Convert, check, write the file and its model card.

    Raises:
        FileExistsError: the output exists.
        FileNotFoundError: unknown config.
        ValueError: the output is no .safetensors file.
        WeightsError: a source is missing or broken, or does not fit the config's model.
    """
    if args.output.suffix != ".safetensors":
        raise ValueError(f"--output must end with .safetensors, got {args.output}")
    if args.output.exists() and not args.overwrite:
        raise FileExistsError(f"{args.output} exists; give --overwrite, or another --output")
    config = asked_config(args)
    with torch.device("meta"):  # names and shapes are enough, and need no memory
        model = build_model(config.model)
    collection = collect(model, args.sources, config)
    wanted = model.state_dict()
    shapes = {n: torch.empty_like(t, device="meta") for n, t in collection.tensors.items()}
    load_strict(model, shapes, origin=" + ".join(args.sources))
    tensors = {name: collection.tensors[name].to(wanted[name].dtype) for name in wanted}
    licences = {
        name: file.licence or args.licence or NOT_STATED for name, file in collection.files.items()
    }
    for name, licence in licences.items():
        print(f"{name}: licence: {licence}; gave {', '.join(collection.used[name])}", file=sys.stderr)
    metadata = metadata_of(collection, licences, experiment_name(find_config(args.config)))
    digest = save_weights(tensors, args.output, metadata)
    card = args.output.with_suffix(".md")
    card.write_text(model_card(args.output.name, digest, metadata), encoding="utf-8")
    count = sum(tensor.numel() for tensor in tensors.values())
    print(f"{args.output}: {len(tensors)} tensors, {count:,} numbers, sha256 {digest}")
    print(f"{card}: sources and licences")
    return 0


def collect(model: nn.Module, sources: list[str], config: Config) -> Collection:
    """All tensors of the model: from the sources, and the rest from the config's initial weights.

    Args:
        model: of the config, on any device.
        sources: `[PART=]SOURCE`.
        config: its `initial_weights` fill gaps.

    Raises:
        WeightsError: a source is missing or broken.
    """
    names = model.state_dict()
    root = config.get("weights_root", "work_dirs")
    given = [_part_and_source(text) for text in sources]
    for part, _ in given:
        if not any(is_within(name, part) for name in names):
            parts = sorted({name.split(".")[0] for name in names})
            raise WeightsError(f"the model has no part {part!r}; its parts are {parts}")
    for _, text in given:
        check_sources({"": text}, root)
    collection = Collection(weights_root=root, keep_label_mlp=has_label_mlp(names))
    for part, text in given:
        collection.add(part, text)
    for part, text in expand_parts(config.get("initial_weights") or {}, names).items():
        lacking = [n for n in names if is_within(n, part) and n not in collection.tensors]
        if lacking:
            print(f"{part}: from the config's initial_weights, {text}", file=sys.stderr)
            try:
                collection.add(part, text, replaces=False)
            except (WeightsError, DownloadError) as error:
                raise WeightsError(
                    f"no SOURCE holds {len(lacking)} tensors of {part!r} ({lacking[0]}, ...), and the"
                    f" config's initial_weights do not have them: {error}"
                ) from error
    return collection


def metadata_of(collection: Collection, licences: dict[str, str], config: str) -> dict[str, str]:
    """What the file says of its making; strings only.

    Args:
        collection: what was put together.
        licences: name of the source -> licence.
        config: `<family>/<stem>` of the config it fits.
    """
    origin = [
        {
            "source": name,
            "file": file.path.name,
            "sha256": file.sha256,
            "licence": licences[name],
            "names": file.layout,
            "parts": collection.used[name],
        }
        for name, file in collection.files.items()
    ]
    return {
        "converted_for": config,
        "converted_by": f"ovsam {versions()['ovsam']}",
        "licence": joined(licences.values()),
        "sources": json.dumps(origin),
        "label_mlp": "kept" if collection.keep_label_mlp else "dropped where there was one",
    }


def model_card(file: str, digest: str, metadata: dict[str, str]) -> str:
    """A model card in Markdown.

    Args:
        file: name of the weights.
        digest: their sha256, hex.
        metadata: see `metadata_of`.
    """
    rows = [
        f"| {s['source']} | {s['file']} | {', '.join(s['parts'])} | {s['licence']} | `{s['sha256']}` |"
        for s in json.loads(metadata["sources"])
    ]
    licences = metadata["licence"].lower()
    notes = ["The licences of all sources apply to this file."]
    if "non-commercial" in licences:
        notes.append("**Part of these weights may not be used commercially.**")
    if NOT_STATED in licences:
        notes.append("One source does not state its licence: ask its author before you share the file.")
    listed = "\n".join(rows)
    return f"""# {file}

Weights for the config `{metadata["converted_for"]}`, put together by {metadata["converted_by"]}; \
sha256 `{digest}`.
Parameter names were changed, values were not. Label MLP: {metadata["label_mlp"]}.

Licence: {metadata["licence"]}. {" ".join(notes)}

| source | file | parts | licence | sha256 |
| --- | --- | --- | --- | --- |
{listed}

    python tools/test.py configs/{metadata["converted_for"]}.py {file}
"""


def _part_and_source(text: str) -> tuple[str, str]:
    """("neck", "file.pth") of "neck=file.pth"; ("", "file.pth") of "file.pth"."""
    found = re.fullmatch(r"([A-Za-z_][\w.]*)=(.+)", text)
    if found is None or Path(text).is_file():  # a path may hold "=", too
        return "", text
    return found[1], found[2]
