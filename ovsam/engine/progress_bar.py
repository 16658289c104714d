"""A progress bar for whoever started a run in a terminal."""

import logging
import sys
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ovsam.registry import HOOKS


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Steps done, time left and loss, below the log. Shows nothing if stderr is no terminal."""

    priority = "VERY_LOW"

    def __init__(self, *, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.progress: Progress | None = None
        self.task = TaskID(0)
        self.streams: list[tuple[logging.StreamHandler, Any]] = []

    def before_train(self, runner: Runner) -> None:
        """Show the bar of the whole training, at the step where it begins."""
        self._open(runner, runner.max_iters, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """One step further."""
        if self.progress is None:
            return
        loss = (outputs or {}).get("loss")
        epoch = f"epoch {runner.epoch + 1}/{runner.max_epochs}"
        self._advance(epoch if loss is None else f"{epoch}, loss {float(loss):.4g}")

    def before_test(self, runner: Runner) -> None:
        """Show the bar of a test."""
        self._open(runner, len(runner.test_dataloader), 0)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """One batch further."""
        self._advance("test")

    def close(self) -> None:
        """Take the bar away and give the terminal back, also after an error."""
        if self.progress is None:
            return
        self.progress.stop()
        self.progress = None
        for handler, stream in self.streams:
            handler.setStream(stream)
        self.streams = []

    def _open(self, runner: Runner, total: int, done: int) -> None:
        self.close()
        if not is_main_process() or not self.console.is_terminal:
            return
        self.progress = Progress(
            TextColumn(runner.experiment_name),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self.console,
            transient=True,
        )
        self.progress.start()
        self.task = self.progress.add_task("", total=total, completed=done)
        # The logger holds the terminal itself; its lines must go past the bar.
        handlers = [h for h in runner.logger.handlers if type(h) is logging.StreamHandler]
        self.streams = [(handler, handler.setStream(sys.stdout)) for handler in handlers]

    def _advance(self, text: str) -> None:
        if self.progress is not None:
            self.progress.update(self.task, advance=1, description=text)
