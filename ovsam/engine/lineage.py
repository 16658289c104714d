"""Lineage: whether the weights of a test are what its record will say they are."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from ovsam.benchmark.provenance import KEYS_OUTSIDE_DIGEST, git_state
from ovsam.weights import read_metadata, resolve
from ovsam.weights.shipped import NAMES


def training_metadata(
    *, config: str, seed: int, options: Mapping[str, Any], sources: Mapping[str, str], licence: str = ""
) -> dict[str, str]:
    """What exported weights say of their training.

    Args:
        config, seed: `<family>/<stem>`, and of the run.
        options: dotted keys that replaced values of the config; places and workers do not count.
        sources, licence: initial weights -> sha256, and their licence, which binds these weights too.
    """
    commit, dirty = git_state()
    changed = {k: repr(v) for k, v in options.items() if not KEYS_OUTSIDE_DIGEST & set(k.split("."))}
    return {
        "config": config,
        "seed": str(seed),
        "options": json.dumps(changed),
        "commit": commit or "",
        "dirty": json.dumps(dirty),
        "initial_weights": json.dumps(dict(sources)),
        "licence": licence,
        "threads": str(torch.get_num_threads()),
    }


def check_lineage(
    sources: Iterable[str], weights_root: str | Path, *, stems: set[str], seed: int
) -> list[str]:
    """Compare weights with what a test claims of them; released ones are what their checksum says.

    Args:
        sources, weights_root: as in `weights.load_parts`, without prefix.
        stems: configs that weights given by path may have been trained by.
        seed: of the test; its record carries it for the weights too.

    Returns:
        Why a record of these weights may not be published: they were trained with other options than the
        config's, or from a tree with uncommitted changes. Empty if nothing is wrong.

    Raises:
        ValueError: weights of another config or another seed.
    """
    blemishes = []
    for source in sources:
        path = resolve(source, weights_root)
        if source in NAMES:
            continue  # verified, and the same for every seed
        metadata = read_metadata(path) if path.suffix == ".safetensors" else {}
        if "config" not in metadata:
            continue  # not trained here: released files have no seed of ours
        allowed = {source} if path != Path(source) else stems
        if metadata["config"].split("/")[-1] not in allowed:
            raise ValueError(
                f"{path} was trained by {metadata['config']}, expected {' or '.join(sorted(allowed))};"
                " give the config of these weights, or other weights"
            )
        if int(metadata["seed"]) != seed:
            raise ValueError(
                f"{path} has seed {metadata['seed']}, expected {seed}: pass --seed {metadata['seed']}"
            )
        if json.loads(metadata.get("options") or "{}"):
            blemishes.append(f"{source} was trained with options {metadata['options']}")
        if json.loads(metadata.get("dirty") or "null"):
            blemishes.append(f"{source} was trained from a tree with uncommitted changes")
    return blemishes
