"""`torch.compile` where it pays: for functions that are called often, on a GPU.

A module that can run compiled has an attribute `is_compiled`.
"""

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

import torch
from mmengine.logging import print_log
from torch import nn

Function = Callable[..., Any]


def compile_parts(model: nn.Module) -> None:
    """Let all parts of `model` that can do so run compiled on a GPU; a line says if there are none."""
    parts: list[Any] = [module for module in model.modules() if hasattr(module, "is_compiled")]
    for module in parts:
        module.is_compiled = True
    if not parts:
        text = f"compile: no part of this {type(model).__name__} can be compiled"
        print_log(text, "current", logging.WARNING)


@functools.cache
def compiled(function: Function, device: torch.device) -> Function:
    """`function` through `torch.compile`; itself on a CPU or where a trial fails, and a line says so.

    The same numbers up to rounding. The first calls with new shapes take seconds to minutes. torch runs
    a function as it is when it has been compiled for many kinds of calls (8, if nobody changes that).
    """
    reason = why_not_compiled(device)
    if not reason:
        return torch.compile(function)
    print_log(f"compile: nothing is compiled, {reason}", "current", logging.WARNING)
    return function


@functools.cache
def why_not_compiled(device: torch.device) -> str:
    """Why nothing is compiled on a device; empty if a trial works."""
    if device.type != "cuda":
        return f"it pays on a GPU only, not on {device.type}"
    for name in ("TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE"):
        if os.environ.get(name, "0") != "0":
            return f"{name} is set"
    try:
        torch.compile(torch.neg)(torch.ones(8, device=device))
    except Exception as error:  # no compiler, no Triton, an old driver, ...: each raises its own
        told = str(error).strip().partition("\n")[0]
        return f"a trial failed ({type(error).__name__}: {told:.200})"
    return ""
