"""What watches a training: gradients that are not finite, jumps of the loss, slow data, a heartbeat."""

import contextlib
import json
import os
import socket
import statistics
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.utils import get_total_norm

WINDOW = 100  # losses that the next one is compared with
STALL_WINDOW = 50  # iterations over which the wait for data is averaged
QUIET = 500  # iterations between two warnings of one kind


class GradientGuard:
    """Lets an optimiser take no step with gradients that are not finite.

    All processes decide alike, for they have the same gradients. (A float16 scaler skips such steps
    before they come here, and lowers its scale.)
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.has_refused = False
        optimizer.register_step_pre_hook(self._look)

    def _look(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if gradients and not get_total_norm(gradients, norm_type=torch.inf).isfinite():
            self.has_refused = True
            for parameter in parameters:
                parameter.grad = None  # an optimiser leaves such parameters and their state as they are

    def refused(self) -> bool:
        """Whether a step was left out since the last call."""
        found, self.has_refused = self.has_refused, False
        return found


class WarningHook(Hook):
    """Warns when the loss jumps, and when the training waits for its data."""

    def __init__(self) -> None:
        self.losses: deque[float] = deque(maxlen=WINDOW)
        self.warned = {"spike": -QUIET, "stall": -QUIET}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Compare with the last iterations."""
        loss = (outputs or {}).get("loss")
        if loss is not None:
            self._compare(runner, float(loss.detach() if isinstance(loss, torch.Tensor) else loss))
        if (runner.iter + 1) % STALL_WINDOW == 0:
            self._time(runner)

    def _compare(self, runner: Runner, loss: float) -> None:
        if len(self.losses) == WINDOW:
            usual = statistics.median(self.losses)
            spread = statistics.median(abs(value - usual) for value in self.losses)
            if loss > max(2 * usual, usual + 10 * spread):
                self._warn(
                    runner,
                    "spike",
                    f"loss {loss:.4g} at iteration {runner.iter + 1}, {usual:.4g} was usual in the last"
                    f" {WINDOW}; if it stays there, lower the learning rate",
                )
        self.losses.append(loss)

    def _time(self, runner: Runner) -> None:
        scalars = runner.message_hub.log_scalars
        if not {"train/data_time", "train/time"} <= set(scalars):
            return
        waited = scalars["train/data_time"].mean(STALL_WINDOW)
        share = waited / max(scalars["train/time"].mean(STALL_WINDOW), 1e-9)
        if share > 0.5:
            workers = runner.train_dataloader.num_workers
            self._warn(
                runner,
                "stall",
                f"{share:.0%} of the time of the last {STALL_WINDOW} iterations went by waiting for data"
                f" ({waited:.3g} s each); raise train_dataloader.num_workers, now {workers}, or put the"
                " data on a faster disk",
            )

    def _warn(self, runner: Runner, kind: str, text: str) -> None:
        if runner.iter - self.warned[kind] >= QUIET:
            self.warned[kind] = runner.iter
            runner.logger.warning(text)


class HeartbeatHook(Hook):
    """Writes `<work_dir>/heartbeat.json`, other processes `heartbeat_<rank>.json`, every few seconds.

    Content: state (`training`, `validating`, `stopped`, `finished`, or `failed` with the error), step,
    total, time (seconds since 1970), host, process. A file that is older than the longest step means a
    process that hangs or is gone.
    """

    priority = "VERY_LOW"

    def __init__(self, *, interval: float = 5.0) -> None:
        self.interval = interval  # seconds between two writes
        self.written = 0.0

    def before_train(self, runner: Runner) -> None:
        """Say that it begins."""
        self.write(runner, "training")

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Write if it is time."""
        self._write_in_time(runner, "training", runner.iter + 1)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Write if it is time."""
        self._write_in_time(runner, "validating", runner.iter)

    def _write_in_time(self, runner: Runner, state: str, step: int) -> None:
        if time.monotonic() - self.written >= self.interval:
            self.write(runner, state, step)

    def write(self, runner: Runner, state: str, step: int | None = None, error: str = "") -> None:
        """Write now."""
        self.written = time.monotonic()
        content: dict[str, Any] = dict(
            state=state,
            step=runner.iter if step is None else step,
            total=runner.max_iters,
            time=time.time(),
            host=socket.gethostname(),
            process=os.getpid(),
        )
        if error:
            content["error"] = error
        name = f"heartbeat_{runner.rank}" if runner.rank else "heartbeat"
        partial = Path(runner.work_dir, f".{name}.partial")  # no flush to disk: it comes again
        with contextlib.suppress(OSError):  # a full disk is told where work is lost
            partial.write_text(json.dumps(content))
            os.replace(partial, partial.with_name(f"{name}.json"))
