"""A stage: a command with what it needs and leaves, and its process, log and marker while it runs."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from ovsam.files import write_json

LOG_LINES_SHOWN = 15


class StageError(RuntimeError):
    """A stage failed, or the stages do not fit together."""

    keeps_lines = True  # the message shows lines of a log


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command.

    Attributes:
        name: unique; what follows the last ": " is unique in `work_dir`.
        work_dir: folder of its log, marker and `progress.json`.
        needs: names of the stages that must be finished before.
        outputs: files that it must leave.
        resume: arguments added if the same command was interrupted before.
        clear: patterns from `work_dir`, removed before a start that does not resume.
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

    def missing_outputs(self) -> list[str]:
        return [str(path) for path in self.outputs if not path.exists()]

    def read_marker(self) -> dict[str, Any]:
        """Content of the marker; empty if there is no whole one."""
        try:
            found = json.loads(self.marker.read_text())
        except (OSError, ValueError):
            return {}
        return found if {"digest", "seconds", "done"} <= set(found) else {}


@dataclass
class Running:
    """A stage at work.

    Attributes:
        digest: of its command and of everything before it.
        seconds_before: of interrupted attempts.
        process: leader of a group of its own.
        started: `time.monotonic()` of its start.
        started_at: the same by the clock that files carry.
    """

    stage: Stage
    digest: str
    threads: int
    seconds_before: float
    process: subprocess.Popen
    log: TextIO
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)

    @classmethod
    def start(cls, stage: Stage, digest: str, threads: int) -> "Running":
        """Start a stage; it resumes if the same command was interrupted before."""
        stage.work_dir.mkdir(parents=True, exist_ok=True)
        found = stage.read_marker()
        resumes = found.get("digest") == digest and not found["done"]
        if not resumes:
            for path in [path for pattern in stage.clear for path in stage.work_dir.glob(pattern)]:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        seconds_before = found["seconds"] if resumes else 0.0
        write_json({"digest": digest, "seconds": seconds_before, "done": False}, stage.marker)
        log = open(stage.log, "a" if resumes else "w")  # noqa: SIM115 (closed with the process)
        process = subprocess.Popen(
            [*stage.command, *(stage.resume if resumes else ())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": str(threads),
                "MKL_NUM_THREADS": str(threads),
                "PYTHONUNBUFFERED": "1",
                **stage.environment,
            },
            start_new_session=True,  # Ctrl-C reaches only us, we stop the whole group
            close_fds=False,  # the folder's lock is handed on
        )
        return cls(stage, digest, threads, seconds_before, process, log)

    @property
    def seconds(self) -> float:
        """At work so far, interrupted attempts included."""
        return self.seconds_before + time.monotonic() - self.started

    def progress(self) -> dict[str, Any]:
        """Content of `progress.json` if this attempt wrote it: step, total, loss, seconds_left."""
        path = self.stage.work_dir / "progress.json"
        with contextlib.suppress(OSError, ValueError):
            if path.stat().st_mtime >= self.started_at - 1:
                return json.loads(path.read_text())
        return {}

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def failure(self) -> str:
        """Why the ended process has failed, with the end of its log; empty if it has not."""
        code, missing = self.process.returncode, self.stage.missing_outputs()
        if code == 0 and not missing:
            return ""
        what = f"ended with code {code}" if code else f"did not leave {missing}"
        lines = self.stage.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        shown = "\n".join(f"    {line}" for line in lines)
        return f"stage {self.stage.name} {what}; its log {self.stage.log} ends with:\n{shown}"

    def close(self, *, done: bool) -> float:
        """Close the log of the ended process and write the marker; returns the seconds at work."""
        self.log.close()
        seconds = self.seconds
        write_json({"digest": self.digest, "seconds": seconds, "done": done}, self.stage.marker)
        return seconds
