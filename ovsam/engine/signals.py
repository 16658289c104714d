"""SIGTERM and SIGUSR1 ask a training to save and end; SLURM sends them before it takes the machine."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SIGNALS = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGUSR1")]
#: Environment variable: a file that a training makes when it ends because of SIGUSR1.
REQUEUE_FILE = "OVSAM_REQUEUE_FILE"


class Stopped(Exception):
    """A training saved a checkpoint and ends before its last step, because it was asked to."""


class StopRequest:
    """The signal that asked a run to end; None until one comes."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def note(self, number: int, frame: Any) -> None:
        """The handler."""
        self.received = signal.Signals(number)

    def ask_for_requeue(self) -> None:
        """Tell the launcher that this job should be started again."""
        if self.received and self.received.name == "SIGUSR1" and os.environ.get(REQUEUE_FILE):
            Path(os.environ[REQUEUE_FILE]).touch()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take the signals inside; in the main thread only, elsewhere they do what they did before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
