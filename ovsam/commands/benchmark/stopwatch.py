"""Stopwatch: the seconds that functions take inside a longer run."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch


class Stopwatch:
    """Adds up the seconds of the functions that it wraps; on a GPU with the work that they start.

    Attributes:
        seconds: by name.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, its time counted under `name`."""

        def call(*arguments: Any, **named: Any) -> Any:
            began = now()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[name] += now() - began

        return call


def now() -> float:
    """Seconds on a clock that waits for the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
