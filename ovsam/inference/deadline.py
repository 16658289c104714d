"""A time limit: what takes too long stops with a clear error."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn


class Deadline:
    """A number of seconds from now.

    Args:
        seconds: None = no limit.
        advice: how to be faster, for the error.
    """

    def __init__(self, seconds: float | None, advice: str) -> None:
        self.seconds = seconds
        self.advice = advice
        self._end = None if seconds is None else time.monotonic() + seconds

    def check(self, *_: Any) -> None:
        """Do nothing while there is time.

        Raises:
            TimeoutError: the time is up.
        """
        if self._end is not None and time.monotonic() > self._end:
            raise TimeoutError(f"this took more than {self.seconds:g} seconds; {self.advice}")

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Check before every part of the model runs; for one call at a time."""
        with ExitStack() as hooks:
            for part in model.modules() if self._end is not None else ():
                hooks.callback(part.register_forward_pre_hook(self.check).remove)
            yield
