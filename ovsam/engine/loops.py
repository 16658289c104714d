"""Training loops that begin anywhere in an epoch, and a validation that leaves the training as it is."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmengine.runner import ValLoop as MmengineValLoop
from torch.utils.data import DataLoader

from ovsam.datasets.samplers import EvenSampler
from ovsam.engine.process_state import kept_random_state, restore


class EpochLoop(EpochBasedTrainLoop):
    """Counts epochs; the first one may have been begun before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        outlive_signals(self.dataloader)

    def run_epoch(self) -> None:
        """Run what is left of an epoch."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        for index, batch in enumerate(batches_after(self, done), done):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1


class IterLoop(IterBasedTrainLoop):
    """Counts iterations; over an `EvenSampler` it begins in the middle of any epoch at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        outlive_signals(self.dataloader)
        if isinstance(self.dataloader.sampler, EvenSampler):
            self.dataloader_iterator = _EpochAfterEpoch(self)


class _EpochAfterEpoch:
    """The endless batches of an `IterLoop`."""

    def __init__(self, loop: IterLoop) -> None:
        self.loop = loop
        self.behind = 0  # iterations
        self.batches = self._all()

    def __next__(self) -> Any:
        return next(self.batches)

    def skip_iter(self, iterations: int) -> None:
        """Begin after so many; called before the first batch."""
        self.behind = iterations

    def _all(self) -> Iterator[Any]:
        loader = self.loop.dataloader
        epoch, done = divmod(self.behind, len(loader))
        while True:
            loader.sampler.set_epoch(epoch)
            yield from batches_after(self.loop, done)
            epoch, done = epoch + 1, 0


class ValLoop(MmengineValLoop):
    """A validation on the way changes nothing that the training draws after it."""

    def run(self) -> dict[str, float]:
        """As mmengine's."""
        with kept_random_state():
            return super().run()


def batches_after(loop: EpochLoop | IterLoop, done: int) -> Iterator[Any]:
    """The batches of an epoch but the first `done`, which a resumed run has behind it.

    The processes of a resumed run get their states back here: before or after the loader of the epoch is
    opened, which draws the seed of its workers.

    Raises:
        ValueError: the epochs or batches of the checkpoint have another size.
    """
    loader, runner = loop.dataloader, loop.runner
    if not 0 <= done <= len(loader):
        raise ValueError(
            f"the checkpoint is {loop.iter} iterations and {loop.epoch} epochs into its training, but an"
            f" epoch has {len(loader)} iterations here; resume with the data and the batch size it had"
        )
    states, runner.resumed_states = runner.resumed_states, None
    was_open = done > 0 or (loader.persistent_workers and loop.iter > 0)
    if states and not was_open:
        restore(runner, states)
    starts_there = isinstance(loader.sampler, EvenSampler)
    if starts_there:
        loader.sampler.start_at(done * loader.batch_size)
    batches = iter(loader)
    if not starts_there:
        for _ in itertools.islice(batches, done):
            pass
    if states and was_open:
        restore(runner, states)
    return batches


def outlive_signals(loader: DataLoader) -> None:
    """Let the workers of a loader end only when their process wants it.

    A cluster sends its signals to every process; without workers the step that runs could not end.
    """
    loader.worker_init_fn = partial(_init_worker, initial=loader.worker_init_fn)


def _init_worker(worker: int, *, initial: Callable[[int], None] | None) -> None:
    if initial is not None:
        initial(worker)
    if not hasattr(signal, "sigwaitinfo"):
        return  # macOS
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # and in the threads of this one
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    while True:
        received = signal.sigwaitinfo({signal.SIGTERM})
        if received.si_pid == parent:
            os._exit(0)
