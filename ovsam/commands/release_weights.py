"""What `ovsam release_weights` does; its options are in `ovsam.arguments.release_weights`."""

import argparse
import ast
import json
import re
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

from ovsam.benchmark.provenance import KEYS_OUTSIDE_DIGEST, config_digest
from ovsam.cli import find_config
from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.engine.configuration import load_config
from ovsam.files import sha256_of, write_json
from ovsam.registry import build_model
from ovsam.weights import (
    WEIGHTS_FILE,
    Source,
    WeightsError,
    expand_parts,
    is_within,
    load_strict,
    open_weights,
    read_metadata,
    read_tensors,
    save_weights,
    shipped,
    source_tensors,
)

SHOWN_PARTS = 5  # of those that are left to other files


def run(args: argparse.Namespace) -> int:
    """Check, write the file and its line of the table; 1 if all files together are then too large.

    Raises:
        ValueError: an unknown name.
        WeightsError: the source is no training's, or its weights may not or cannot be released.
    """
    if args.name not in shipped.NAMES:
        raise ValueError(f"NAME must be one of {', '.join(shipped.NAMES)}, got {args.name!r}")
    source = args.source / WEIGHTS_FILE if args.source.is_dir() else args.source
    if not source.is_file():
        raise WeightsError(f"no weights at {source}; train them first")
    training = _training(source, args.commit)
    options = {
        key: ast.literal_eval(value)
        for key, value in json.loads(training["options"]).items()
        if key not in KEYS_OUTSIDE_DIGEST  # places of the machine that trained
    }
    training["options"] = json.dumps({key: repr(value) for key, value in options.items()})
    config = load_config(find_config(training["config"]), options)
    tensors = read_tensors(source)
    with torch.device("meta"):  # names and shapes are enough
        model = build_model(config.model)
    shapes = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    load_strict(model, shapes, origin=str(source))
    halved = {name: in_half_precision(name, tensor) for name, tensor in tensors.items()}
    left_out = shared_parts(args.name, halved, config)
    kept = {n: t for n, t in halved.items() if not any(is_within(n, part) for part in left_out)}
    path = shipped.shipped_path(args.name)
    metadata = {
        **training,
        "name": args.name,
        "licence": shipped.LICENCE,
        "config_digest": config_digest(config.to_dict()),
        "command": _command(training["config"], training["seed"], options),
        "exported_sha256": sha256_of(source),
        **({shipped.LEFT_OUT: json.dumps(left_out)} if left_out else {}),
    }
    digest = save_weights(kept, path, metadata)
    entry = {"sha256": digest, "config": training["config"], "commit": training["commit"]}
    table = {**shipped.read_table(), args.name: entry}
    write_json(dict(sorted(table.items())), shipped.FOLDER / shipped.TABLE)
    for part, (text, _) in list(left_out.items())[:SHOWN_PARTS]:
        print(f"{part}: left to {text}", file=sys.stderr)
    if len(left_out) > SHOWN_PARTS:
        print(f"and {len(left_out) - SHOWN_PARTS} more", file=sys.stderr)
    files = list(shipped.FOLDER.glob("*.safetensors"))
    total, packed = sum(f.stat().st_size for f in files), sum(map(shipped.packed_size, files))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}")
    print(
        f"all released files: {total / 1e6:.2f} MB; in a wheel {packed / 1e6:.2f} of"
        f" {shipped.MAX_WHEEL_BYTES / 1e6:.0f} MB",
        file=sys.stderr,
    )
    if packed > shipped.MAX_WHEEL_BYTES:
        print("too much for the package: its tests fail", file=sys.stderr)
        return 1
    return 0


def _training(source: Path, commit: str | None) -> dict[str, str]:
    """What the weights say of their training, with the world that they know.

    Args:
        source: the file.
        commit: with the sources of the training; None = what the file says.

    Raises:
        WeightsError: they say nothing, know another world, are bound by another licence, or are of no
            commit.
    """
    metadata = read_metadata(source)
    metadata.pop("format", None)
    if missing := {"config", "seed", "options", "commit", "dirty"} - metadata.keys():
        raise WeightsError(
            f"{source} does not say its {', '.join(sorted(missing))}: expected the {WEIGHTS_FILE} that a"
            " training left"
        )
    if metadata.get("licence") not in (None, "", shipped.LICENCE):
        raise WeightsError(f"{source} is under {metadata['licence']}, expected {shipped.LICENCE}")
    if commit is None and (not metadata["commit"] or metadata["dirty"] != "false"):
        raise WeightsError(
            f"{source} was trained outside a checkout, or with uncommitted changes; train again from a"
            " commit, or give --commit HASH, which has the very sources of its training"
        )
    if not re.fullmatch("[0-9a-f]{40}", commit := commit or metadata["commit"]):
        raise WeightsError(f"{source} is of commit {commit!r}, expected a whole hash of 40 digits")
    metadata["commit"] = commit
    if shipped.WORLD not in metadata:
        print(f"{source} does not say its world; taken for world {WORLD_VERSION}", file=sys.stderr)
        metadata[shipped.WORLD] = str(WORLD_VERSION)
    shipped.check_world(metadata, source)
    return metadata


def in_half_precision(name: str, tensor: Tensor) -> Tensor:
    """A tensor of any shape as float16; one of integers or switches as it is.

    Raises:
        WeightsError: a value is not finite, or becomes so.
    """
    if not tensor.is_floating_point():
        return tensor
    halved = tensor.half()
    if not halved.isfinite().all():
        worst = "NaN" if tensor.isnan().any() else f"{tensor.abs().max():g}"
        raise WeightsError(f"{name} holds {worst}, expected finite numbers of at most 65504")
    return halved


def shared_parts(name: str, tensors: Mapping[str, Tensor], config: Config) -> dict[str, tuple[str, str]]:
    """Parts, or what is below them, that the training left as another released file has them.

    Args:
        name: what is released.
        tensors: of the whole model, in half precision.
        config: of the training.

    Returns:
        Part -> (source, sha256 of its file).

    Raises:
        WeightsError: the config names released weights that the package does not bring yet.
    """
    found = {}
    for part, text in expand_parts(config.get("initial_weights") or {}, tensors).items():
        source = Source.parse(text)
        if source.name not in shipped.NAMES or source.name == name:
            continue
        file = open_weights(source.name, "")
        theirs = source_tensors(file, source)
        ours = {n.removeprefix(part).lstrip("."): t for n, t in tensors.items() if is_within(n, part)}
        kept = {n for n in ours.keys() & theirs.keys() if torch.equal(ours[n], theirs[n])}
        for own in whole_subtrees(ours | theirs, kept):
            if own and source.converter:
                continue  # what is below a converted part has no name as a source
            shared = "#".join(filter(None, (source.name, _joined(source.prefix, own)))) if own else text
            found[_joined(part, own)] = (shared, file.sha256)
    return found


def whole_subtrees(names: Collection[str], chosen: Collection[str], prefix: str = "") -> Iterator[str]:
    """The shortest prefixes from `prefix` on whose names are all chosen, in order; one may be a name."""
    inside = sorted(name for name in names if is_within(name, prefix))
    if all(name in chosen for name in inside):
        yield prefix
        return
    depth = len(prefix.split(".")) if prefix else 0
    children = (".".join(name.split(".")[: depth + 1]) for name in inside if name != prefix)
    for child in dict.fromkeys(children):
        yield from whole_subtrees(inside, chosen, child)


def _joined(*names: str) -> str:
    return ".".join(filter(None, names))


def _command(config: str, seed: str, options: Mapping[str, object]) -> str:
    """What trains the weights again."""
    changed = [f"{key}={value}" for key, value in options.items()]
    words = ["python", "tools/train.py", f"configs/{config}.py", "--seed", seed]
    return shlex.join([*words, *(["--cfg-options", *changed] if changed else [])])
