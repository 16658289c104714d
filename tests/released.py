"""Stand-ins of the weights that the package brings: random ones, in a folder of the test."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from torch import Tensor

from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.weights import save_weights, shipped

#: What a training of the miniature exports from a clean checkout.
TRAINED = {
    "config": "mini/ovsam_rn", "seed": "0", "options": "{}", "commit": "c0ffe" * 8, "dirty": "false",
    "initial_weights": "{}", "licence": "", "threads": "1", shipped.WORLD: str(WORLD_VERSION),
}  # fmt: skip


def use_folder(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Let `folder` be the package's."""
    folder.mkdir(exist_ok=True)
    patch.setattr(shipped, "FOLDER", folder)
    return folder


def bring(name: str, tensors: Mapping[str, Tensor], **changes: str) -> Path:
    """Put tensors into the package's folder, in half precision, and their line into its table."""
    halved = {
        n: tensor.half() if tensor.is_floating_point() else tensor for n, tensor in tensors.items()
    }
    path = shipped.shipped_path(name)
    digest = save_weights(halved, path, {**TRAINED, "licence": shipped.LICENCE, **changes})
    table = {**shipped.read_table(), name: {"sha256": digest, "config": "mini/ovsam_rn", "commit": "c"}}
    (shipped.FOLDER / shipped.TABLE).write_text(json.dumps(table))
    return path
