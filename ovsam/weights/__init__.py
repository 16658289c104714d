"""Weights: where they come from, strict loading part by part, safe reading, atomic writing."""

from ovsam.weights.files import (
    WeightsError,
    read_metadata,
    read_plain_checkpoint,
    read_tensors,
    save_weights,
)
from ovsam.weights.loading import check_sources, expand_parts, has_label_mlp, load_parts, load_strict
from ovsam.weights.sources import (
    WEIGHTS_FILE,
    Source,
    WeightsFile,
    below,
    is_within,
    locate,
    open_weights,
    resolve,
    source_tensors,
)

__all__ = [
    "WEIGHTS_FILE", "Source", "WeightsError", "WeightsFile",
    "below", "check_sources", "expand_parts", "has_label_mlp", "is_within", "load_parts", "load_strict",
    "locate", "open_weights", "read_metadata", "read_plain_checkpoint", "read_tensors", "resolve",
    "save_weights", "source_tensors",
]  # fmt: skip
