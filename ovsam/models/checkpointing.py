"""Gradient checkpointing: less memory in training for more computing."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint


def checkpointed(function: Callable[..., Any], *arguments: Any, when: bool, **named: Any) -> Any:
    """Call `function`; `when` there are gradients and it is true, keep none of its activations.

    The backward pass computes them again.
    """
    if when and torch.is_grad_enabled():
        return checkpoint(function, *arguments, use_reentrant=False, **named)
    return function(*arguments, **named)
