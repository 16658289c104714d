"""When checkpoints are saved and which ones stay: at the config's intervals, in between, on a signal."""

import math
import os
import time
from pathlib import Path
from typing import Any

import mmengine.hooks
import torch
from mmengine import dist
from mmengine.fileio import LocalBackend
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from ovsam.engine.checkpoints import remove, remove_outdated, set_aside, tidy
from ovsam.engine.process_state import states_of_processes
from ovsam.engine.signals import Stopped
from ovsam.files import written_whole


class _RemovesNothing(LocalBackend):
    """Notes what mmengine's hook would remove before the file that replaces it is there."""

    def __init__(self) -> None:
        self.outdated: set[str] = set()

    def remove(self, filepath: str | Path) -> None:
        self.outdated.add(str(filepath))


class CheckpointHook(mmengine.hooks.CheckpointHook):
    """As mmengine's, with all that an exact resume needs, and also between the config's intervals.

    A file is removed only after the one that replaces it is whole.
    """

    def __init__(self, *, every_iters: int = 0, every_minutes: float = 0.0, **options: Any) -> None:
        """Args:
        every_iters, every_minutes: save also after so many iterations or minutes; 0: do not.
        options: of mmengine's hook.
        """
        super().__init__(**options)
        self.every_iters = every_iters
        self.every_seconds = 60 * every_minutes or math.inf
        self.saved_at, self.saved_iter = time.monotonic(), -1
        self.states: dict[str, Any] | None = None  # for the checkpoint that is being written
        self.states_before_val: dict[str, Any] | None = None

    def before_train(self, runner: Runner) -> None:
        """See to the folder."""
        super().before_train(runner)
        self.saved_at = time.monotonic()
        if not dist.is_main_process():
            return
        tidy(Path(self.out_dir))
        if folder := set_aside(Path(self.out_dir), runner.epoch, runner.iter):
            runner.logger.warning(f"moved checkpoints that are not of this training to {folder}")

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the states of all processes."""
        checkpoint["processes"] = self.states

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save if it is time, on all processes at the same iteration.

        Raises:
            Stopped: a signal asked for it.
        """
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        done = runner.iter + 1
        is_due = time.monotonic() - self.saved_at >= self.every_seconds
        is_due = is_due or (self.every_iters > 0 and done % self.every_iters == 0)
        stops, is_due = _asked(runner, is_due)
        if stops:
            self._save_and_stop(runner, done)
        if is_due and self.saved_iter != done and not self._is_saved_next(runner, batch_idx):
            self._save_between(runner, done)

    def before_val(self, runner: Runner) -> None:
        """Keep the states that a training goes on with."""
        if isinstance(runner.optim_wrapper, OptimWrapper):
            self.states_before_val = states_of_processes(runner)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """See whether to stop.

        Raises:
            Stopped: a signal asked for it.
        """
        if _asked(runner)[0]:
            self._save_and_stop(runner, runner.iter)

    def after_val(self, runner: Runner) -> None:
        """The training goes on."""
        self.states_before_val = None

    def _save_and_stop(self, runner: Runner, done: int) -> None:
        if self.saved_iter != done:
            self._save_between(runner, done)
        raise Stopped(f"asked to stop after iteration {done}; saved {self.last_ckpt}")

    def _save_between(self, runner: Runner, done: int) -> None:
        name = f"epoch_{runner.epoch}_iter_{done}.pth"
        runner.logger.info(f"Saving checkpoint {name}")
        self._save(runner, name, dict(epoch=runner.epoch, iter=done))

    def _is_saved_next(self, runner: Runner, batch_idx: int) -> bool:
        """Whether mmengine's hook saves at the end of the epoch, which is now."""
        return (
            self.by_epoch
            and self.end_of_epoch(runner.train_dataloader, batch_idx)
            and (
                self.every_n_epochs(runner, self.interval, self.save_begin)
                or (self.save_last and self.is_last_train_epoch(runner))
            )
        )

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        backend, later = self.file_backend, _RemovesNothing()
        self.file_backend = later
        super()._save_best_checkpoint(runner, metrics)
        self.file_backend = backend
        best = {
            getattr(self, "best_ckpt_path", None),
            *getattr(self, "best_ckpt_path_dict", {}).values(),
        }
        for path in later.outdated - best:
            remove(Path(path))

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        self._save(runner, self.filename_tmpl.format(step), meta)

    def _save(self, runner: Runner, name: str, meta: dict[str, Any]) -> None:
        self.states = self.states_before_val or states_of_processes(runner)
        self.last_ckpt = os.path.join(self.out_dir, name)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        try:
            runner.save_checkpoint(
                self.out_dir,
                name,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
            if dist.is_main_process():
                with written_whole(Path(runner.work_dir, "last_checkpoint")) as partial:
                    partial.write_text(self.last_ckpt)
                remove_outdated(Path(self.out_dir), self.max_keep_ckpts)
        except OSError as error:
            if error.errno is None:
                raise
            told = f"{name} was not saved ({error.strerror}); earlier checkpoints are as they were"
            raise OSError(error.errno, told, self.out_dir) from error
        self.states = None
        self.saved_at, self.saved_iter = time.monotonic(), meta["iter"]


def _asked(runner: Runner, is_due: bool = False) -> tuple[int, int]:
    """Whether any process was asked to stop, and whether any finds that a checkpoint is due."""
    asked = torch.tensor([runner.stop_request.received is not None, is_due], dtype=torch.int32)
    dist.all_reduce(asked, op="max")
    return tuple(asked.tolist())
