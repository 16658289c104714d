"""Precision of a run: float32, or autocast to bfloat16 or float16, by one key of the config.

Weights, optimiser, boxes, class scores and the last layers before the image embedding stay in float32;
other convolutions, linear layers and attention run in half precision. bfloat16 needs nothing else;
float16 scales the loss, so it trains on GPUs only.
"""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

PRECISIONS = ("float32", "bfloat16", "float16")


def check_precision(precision: str) -> None:
    """Raise ValueError unless `precision` is one of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")


def run_in(model: nn.Module, precision: str) -> None:
    """Let every later call of `model` run under autocast; float32 changes nothing.

    Its `forward`, which losses and predictions both pass, is wrapped in place.
    """
    check_precision(precision)
    if precision == "float32":
        return
    device_type = "cuda" if torch.cuda.is_available() else "cpu"
    model.forward = torch.autocast(device_type, dtype=getattr(torch, precision))(model.forward)


def optimiser_config(config: Mapping[str, Any], precision: str) -> dict[str, Any]:
    """The config of an `OptimWrapper` with what a precision needs.

    Raises:
        ValueError: float16 without a GPU, or with a wrapper of another kind.
    """
    config = dict(config)
    if precision != "float16":
        return config
    if not torch.cuda.is_available():
        raise ValueError("precision=float16 trains on a GPU only; set precision=bfloat16 or float32")
    if config.get("type", OptimWrapper) not in (OptimWrapper, "OptimWrapper"):
        raise ValueError(
            f"precision=float16 brings its own AmpOptimWrapper, but the config has {config['type']};"
            " set optim_wrapper.type to OptimWrapper"
        )
    return {**config, "type": AmpOptimWrapper, "dtype": "float16"}
