"""Runs stages that depend on each other side by side, each once.

A finished stage leaves a marker with the digest of its command and of everything before it. A second run
starts with the first unfinished stage; a changed command runs again with all that depends on it.
"""

import contextlib
import fcntl
import graphlib
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ovsam.benchmark.provenance import available_cores
from ovsam.workflows.stages import Running, Stage, StageError

POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0  # between the request to stop and the kill


@dataclass
class State:
    """Where all stages stand; what a display shows.

    Attributes:
        done: name -> seconds, of this run and of earlier ones.
        skipped: names that earlier runs had finished.
        running: name -> stage at work.
        failed: name -> what happened; only where the run continues after a failure.
    """

    stages: Sequence[Stage]
    done: dict[str, float] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    running: dict[str, Running] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def ready(self) -> list[Stage]:
        """Stages that could start now."""
        begun = {*self.done, *self.running, *self.failed}
        return [s for s in self.stages if s.name not in begun and set(s.needs) <= set(self.done)]


def run_stages(
    stages: Sequence[Stage],
    *,
    slots: int = 2,
    cores: int | None = None,
    show: Callable[[State], None] = lambda state: None,
    on_failure: Callable[[str, str], None] | None = None,
) -> dict[str, float]:
    """Run all stages that are not done.

    Args:
        stages: in order of preference; a stage may need any other.
        slots: stages side by side at most.
        cores: CPU cores, shared evenly by the slots; those of this process if left out.
        show: called several times a second.
        on_failure: called with the name of a failed stage and what happened; the others continue, except
            those that need it. If left out, the first failure stops all.

    Returns:
        Name -> seconds, those of earlier runs included.

    Raises:
        StageError: the stages do not fit together, or one failed; then the message has the last lines of
            its log, and the others are stopped.
        KeyboardInterrupt: after all children have stopped.
    """
    digests = _digests(stages)
    cores = cores or available_cores()
    slots = min(slots, cores)
    threads = max(cores // slots, 1)  # also for one that runs alone: their number decides the last bits
    state = State(stages)
    _find_done(state, digests)
    try:
        with _terminate_as_interrupt():
            while state.running or state.ready():
                for stage in state.ready()[: slots - len(state.running)]:
                    state.running[stage.name] = Running.start(stage, digests[stage.name], threads)
                show(state)
                time.sleep(POLL_SECONDS)
                _collect_finished(state, on_failure)
    finally:
        _stop_all(state)
        show(state)
    return state.done


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep others out of `folder`; children inherit the lock, so an orphan keeps it too.

    Raises:
        StageError: somebody else is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StageError(f"another run is at work in {folder}; wait for it or stop it") from None
        os.set_inheritable(file.fileno(), True)
        yield


def _digests(stages: Sequence[Stage]) -> dict[str, str]:
    """Name -> digest of its command and of those before it, every stage after those it needs."""
    by_name = {stage.name: stage for stage in stages}
    if len(by_name) < len(stages):
        raise StageError("two stages have the same name")
    for stage in stages:
        unknown = [name for name in stage.needs if name not in by_name]
        if unknown:
            raise StageError(f"stage {stage.name} needs {unknown}, which do not exist")
    digests: dict[str, str] = {}
    try:
        for name in graphlib.TopologicalSorter({s.name: s.needs for s in stages}).static_order():
            stage = by_name[name]
            before = [digests[need] for need in stage.needs]
            content = json.dumps([stage.command, stage.fingerprint, before])
            digests[name] = hashlib.sha256(content.encode()).hexdigest()
    except graphlib.CycleError as error:
        raise StageError(f"stages wait for each other: {error.args[1]}") from None
    return digests


def _find_done(state: State, digests: Mapping[str, str]) -> None:
    """Enter what earlier runs have finished; whatever needs an unfinished stage runs again."""
    by_name, found = {stage.name: stage for stage in state.stages}, {}
    for name, digest in digests.items():
        stage = by_name[name]
        marker = stage.read_marker()
        if not marker.get("done") or marker["digest"] != digest or stage.missing_outputs():
            continue
        if set(stage.needs) <= set(found):
            found[name] = marker["seconds"]
        else:
            stage.marker.unlink(missing_ok=True)  # also if this run ends before it comes to the stage
    state.done = {stage.name: found[stage.name] for stage in state.stages if stage.name in found}
    state.skipped = set(found)


def _collect_finished(state: State, on_failure: Callable[[str, str], None] | None) -> None:
    for name, running in list(state.running.items()):
        if running.process.poll() is None:
            continue
        del state.running[name]
        failure = running.failure()
        seconds = running.close(done=not failure)
        if not failure:
            state.done[name] = seconds
        elif on_failure is None:
            raise StageError(failure)
        else:
            state.failed[name] = failure
            on_failure(name, failure)


def _stop_all(state: State) -> None:
    """Ask every child's group to stop, kill what does not; keep the seconds it had."""
    for running in state.running.values():
        running.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for running in state.running.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(max(deadline - time.monotonic(), 0))
        running.signal_group(signal.SIGKILL)  # it, or workers that outlived it
        running.process.wait()
        running.close(done=False)
    state.running.clear()


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """A polite request to end stops the children like Ctrl-C (in the main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
