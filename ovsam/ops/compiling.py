"""`torch.compile` where it pays: for functions that are called often, on a GPU.

A module that can run compiled has an attribute `is_compiled`.
"""

import functools
import logging
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
def compiled(function: Function, device_type: str) -> Function:
    """`function` through `torch.compile`; itself on a CPU or where a trial fails, and a line says so.

    The same numbers up to rounding. The first calls with new shapes take seconds to minutes.
    """
    reason = why_not_compiled(device_type)
    if not reason:
        return torch.compile(function, fullgraph=True)
    print_log(f"compile: nothing is compiled, {reason}", "current", logging.WARNING)
    return function


@functools.cache
def why_not_compiled(device_type: str) -> str:
    """Why nothing is compiled on such a device; empty if a trial works."""
    if device_type != "cuda":
        return f"it pays on a GPU only, not on {device_type}"
    try:
        torch.compile(torch.neg, fullgraph=True)(torch.ones(8, device=device_type))
    except Exception as error:  # no compiler, no Triton, an old driver, ...: each raises its own
        told = str(error).strip().partition("\n")[0]
        return f"a trial failed ({type(error).__name__}: {told:.200})"
    return ""
