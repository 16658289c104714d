"""Stages: commands that depend on each other, run side by side, each once.

A stage is a process of its own with its own log. What is finished leaves a marker with the digest of
its command and of everything before it, so a second run goes on with the next unfinished stage, and a
changed command runs again with all that follows from it.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from ovsam.benchmark.provenance import available_cores

POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0  # between the request to stop and the kill
LOG_LINES_SHOWN = 15


class StageError(RuntimeError):
    """A stage failed, or the stages do not fit together."""

    keeps_lines = True  # the message shows lines of a log


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command.

    Attributes:
        name: unique; what follows the last ": " is unique in `work_dir`.
        command: program and arguments.
        work_dir: folder of its log, markers and `progress.json`.
        needs: names of the stages that must be finished before.
        outputs: files that it leaves; it has failed without them.
        resume: arguments added where the same command was interrupted before.
        clear: patterns below `work_dir` removed before a start that does not resume.
        fingerprint: what else the result depends on, such as the content of a config.
        environment: variables of its own.
    """

    name: str
    command: tuple[str, ...]
    work_dir: Path
    needs: tuple[str, ...] = ()
    outputs: tuple[Path, ...] = ()
    resume: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    fingerprint: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.work_dir / f"{self._file_name}.log"

    @property
    def marker(self) -> Path:
        """State: digest, seconds, whether it is done."""
        return self.work_dir / f".{self._file_name}.stage.json"

    @property
    def _file_name(self) -> str:
        """What stands before a colon tells stages of different folders apart, not files."""
        return re.sub(r"[^\w.-]+", "_", self.name.rpartition(": ")[2])


@dataclass
class Running:
    """A stage at work.

    Attributes:
        stage: which.
        process: its process, leader of a group of its own.
        threads: that it may use.
        started: `time.monotonic()` of its start.
        started_at: the same by the clock that files carry.
        seconds_before: of interrupted attempts.
        log: open for its output.
    """

    stage: Stage
    process: subprocess.Popen
    threads: int
    started: float
    started_at: float
    seconds_before: float
    log: TextIO

    @property
    def seconds(self) -> float:
        """At work so far, interrupted attempts included."""
        return self.seconds_before + time.monotonic() - self.started

    def progress(self) -> dict[str, Any]:
        """Content of `progress.json` if this attempt wrote it: step, total, loss, seconds_left."""
        path = self.stage.work_dir / "progress.json"
        try:
            if path.stat().st_mtime >= self.started_at - 1:
                return json.loads(path.read_text())
        except (OSError, ValueError):
            pass
        return {}


@dataclass
class State:
    """Where all stages stand; what a display shows.

    Attributes:
        stages: all, in order.
        done: name -> seconds, of this run and of earlier ones.
        skipped: names that earlier runs had finished.
        running: name -> stage at work.
        failed: name -> what happened; only where the run goes on after a failure.
        started: `time.monotonic()` of the whole.
    """

    stages: Sequence[Stage]
    done: dict[str, float] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    running: dict[str, Running] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def ready(self) -> list[Stage]:
        """Stages that could start now."""
        return [
            stage
            for stage in self.stages
            if stage.name not in self.done
            and stage.name not in self.running
            and stage.name not in self.failed
            and all(name in self.done for name in stage.needs)
        ]

    @property
    def num_waiting(self) -> int:
        """Stages that are still to run: neither done, nor failed, nor after one that failed."""
        lost = set(self.failed)
        before = -1
        while before != len(lost):
            before = len(lost)
            lost |= {stage.name for stage in self.stages if lost & set(stage.needs)}
        return sum(stage.name not in lost and stage.name not in self.done for stage in self.stages)


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
        on_failure: given the name of a stage that failed and what happened; the others go on, but for
            those that need it. Left out: the first failure stops all.

    Returns:
        Name -> seconds, those of earlier runs included.

    Raises:
        StageError: a name that is needed does not exist, a circle, or a stage that failed; the message
            has the last lines of its log. The others are stopped.
        KeyboardInterrupt: after all children have stopped.
    """
    digests = _digests(stages)
    cores = cores or available_cores()
    state = State(stages)
    for stage in stages:
        found = _read_marker(stage)
        if found.get("done") and found["digest"] == digests[stage.name] and _missing(stage) == []:
            state.done[stage.name] = found["seconds"]
            state.skipped.add(stage.name)
    _drop_orphaned(state)
    try:
        with _terminate_as_interrupt():
            while state.num_waiting:
                _start_ready(state, digests, slots=min(slots, cores), cores=cores)
                show(state)
                time.sleep(POLL_SECONDS)
                _collect_finished(state, digests, on_failure)
    finally:
        _stop_all(state, digests)
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
    """Name -> digest of its command and of those before it.

    Raises:
        StageError: names that occur twice, that do not exist, or that wait for each other.
    """
    by_name = {stage.name: stage for stage in stages}
    if len(by_name) < len(stages):
        raise StageError("two stages have the same name")
    for stage in stages:
        unknown = [name for name in stage.needs if name not in by_name]
        if unknown:
            raise StageError(f"stage {stage.name} needs {unknown}, which do not exist")
    digests: dict[str, str] = {}
    while len(digests) < len(stages):
        ready = [s for s in stages if s.name not in digests and all(n in digests for n in s.needs)]
        if not ready:
            waiting = [name for name in by_name if name not in digests]
            raise StageError(f"stages wait for each other: {waiting}")
        for stage in ready:
            before = [digests[name] for name in stage.needs]
            content = json.dumps([stage.command, stage.fingerprint, before])
            digests[stage.name] = hashlib.sha256(content.encode()).hexdigest()
    return digests


def _drop_orphaned(state: State) -> None:
    """A finished stage whose predecessor must run again runs again too."""
    by_name = {stage.name: stage for stage in state.stages}
    changed = True
    while changed:
        again = {s.name for s in state.stages if s.name not in state.done}
        lost = [s.name for s in state.stages if s.name in state.done and again & set(s.needs)]
        for name in lost:
            del state.done[name]
            by_name[name].marker.unlink(missing_ok=True)  # also if this run does not come to it
            state.skipped.discard(name)
        changed = bool(lost)


def _start_ready(state: State, digests: Mapping[str, str], *, slots: int, cores: int) -> None:
    threads = max(cores // slots, 1)  # also for one that runs alone: their number decides the last bits
    for stage in state.ready()[: slots - len(state.running)]:
        state.running[stage.name] = _start(stage, digests[stage.name], threads)


def _start(stage: Stage, digest: str, threads: int) -> Running:
    stage.work_dir.mkdir(parents=True, exist_ok=True)
    found = _read_marker(stage)
    resumes = found.get("digest") == digest and not found.get("done")
    command = [*stage.command, *(stage.resume if resumes else ())]
    if not resumes:
        _clear(stage)
    before = found["seconds"] if resumes else 0.0
    _write_marker(stage, digest, before, done=False)
    log = open(stage.log, "a" if resumes else "w")  # noqa: SIM115 (closed with the process)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
        **stage.environment,
    }
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # Ctrl-C reaches only us, we stop the whole group
        close_fds=False,  # the folder's lock is handed on
    )
    return Running(stage, process, threads, time.monotonic(), time.time(), before, log)


def _clear(stage: Stage) -> None:
    old = [path for pattern in stage.clear for path in stage.work_dir.glob(pattern)]
    for path in old:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _collect_finished(
    state: State, digests: Mapping[str, str], on_failure: Callable[[str, str], None] | None
) -> None:
    for name, running in list(state.running.items()):
        code = running.process.poll()
        if code is None:
            continue
        del state.running[name]
        running.log.close()
        missing = _missing(running.stage)
        if code != 0 or missing:
            what = f"ended with code {code}" if code else f"did not leave {missing}"
            log = running.stage.log
            message = f"stage {name} {what}; its log {log} ends with:\n{_tail(log)}"
            if on_failure is None:
                raise StageError(message)
            state.failed[name] = message
            _write_marker(running.stage, digests[name], running.seconds, done=False)
            on_failure(name, message)
            continue
        state.done[name] = running.seconds
        _write_marker(running.stage, digests[name], state.done[name], done=True)


def _stop_all(state: State, digests: Mapping[str, str]) -> None:
    """Ask every child's group to stop, kill what does not; keep the seconds it had."""
    for running in state.running.values():
        _signal_group(running.process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for name, running in state.running.items():
        try:
            running.process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            _signal_group(running.process, signal.SIGKILL)
            running.process.wait()
        _signal_group(running.process, signal.SIGKILL)  # workers that outlived their parent
        running.log.close()
        _write_marker(running.stage, digests[name], running.seconds, done=False)
    state.running.clear()


def _signal_group(process: subprocess.Popen, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """A polite request to end stops the children like Ctrl-C (in the main thread only)."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    try:
        old = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def _missing(stage: Stage) -> list[str]:
    return [str(path) for path in stage.outputs if not path.exists()]


def _read_marker(stage: Stage) -> dict[str, Any]:
    try:
        found = json.loads(stage.marker.read_text())
    except (OSError, ValueError):
        return {}
    return found if {"digest", "seconds", "done"} <= set(found) else {}


def _write_marker(stage: Stage, digest: str, seconds: float, *, done: bool) -> None:
    partial = stage.marker.with_suffix(".partial")
    with open(partial, "w") as file:
        json.dump({"digest": digest, "seconds": seconds, "done": done}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, stage.marker)


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])
