"""Stages at work, shown: a live table on a terminal, a line now and then elsewhere."""

import shlex
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ovsam.workflows.scheduling import State, run_stages
from ovsam.workflows.stages import Running, Stage


def run_shown(stages: Sequence[Stage], **options: Any) -> dict[str, float]:
    """As `run_stages`, shown on stderr; an interruption says how to continue."""
    console = Console(stderr=True)
    try:
        if not console.is_terminal:
            display = LineDisplay(partial(print, file=sys.stderr, flush=True))
            return run_stages(stages, show=display, **options)
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            keep = partial(live.console.print, markup=False, highlight=False)
            finished = LineDisplay(keep, seconds=float("inf"))

            def show(state: State) -> None:
                finished(state)
                live.update(_table(state))

            return run_stages(stages, show=show, **options)
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to continue", file=sys.stderr)
        raise


def print_commands(stages: Sequence[Stage]) -> None:
    """One line per stage, for a shell."""
    for stage in stages:
        print(f"{stage.name}: {shlex.join(stage.command)}")


@dataclass
class LineDisplay:
    """Writes a line when a stage begins or ends, and one per running stage every few seconds."""

    write: Callable[[str], Any]
    seconds: float = 15.0  # between two lines of the same stage
    told: set[str] = field(default_factory=set)
    last: float = field(default_factory=time.monotonic)

    def __call__(self, state: State) -> None:
        """Write what is new."""
        clock, total = f"({duration(time.monotonic() - state.started)})", len(state.stages)
        if not self.told and state.skipped:
            self.write(f"{clock} [{len(state.skipped)}/{total}] stages are done already")
        self.told |= state.skipped
        for number, (name, seconds) in enumerate(state.done.items(), start=1):
            if name not in self.told:
                self.told.add(name)
                left = seconds_left(state)
                rest = f", about {duration(left)} left" if left else ""
                self.write(f"{clock} [{number}/{total}] {name}: done in {duration(seconds)}{rest}")
        for name, running in state.running.items():
            if f"{name} began" not in self.told:
                self.told.add(f"{name} began")
                self.write(f"{clock} {name}: begins, {running.threads} threads")
        if time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            for running in state.running.values():
                self.write(f"{clock} {running.stage.name}: {_describe(running)}")


def seconds_left(state: State) -> float | None:
    """Estimate of the time that all stages still need; None before anything is known.

    A stage is taken to last as long as the same one of another seed (what follows the last ": " of its
    name), else as the mean of its kind (the first word of that), else as the mean of all.
    """
    if not state.done:
        return None
    spent = {name: running.seconds for name, running in state.running.items()}
    total = sum(
        max(_expected(stage.name, state.done) - spent.get(stage.name, 0.0), 0.0)
        for stage in state.stages
        if stage.name not in state.done and stage.name not in state.failed
    )
    return total / max(len(state.running), 1)


def _expected(name: str, done: Mapping[str, float]) -> float:
    task = name.rpartition(": ")[2]
    tasks = [(other.rpartition(": ")[2], seconds) for other, seconds in done.items()]
    same = [seconds for other, seconds in tasks if other == task]
    kind = [seconds for other, seconds in tasks if other.split()[0] == task.split()[0]]
    return statistics.fmean(same or kind or done.values())


def duration(seconds: float) -> str:
    """Such as `4:07` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _describe(running: Running) -> str:
    progress = running.progress()
    parts = [f"step {progress['step']}/{progress['total']}"] if progress else ["at work"]
    if progress.get("loss") is not None:
        parts.append(f"loss {progress['loss']:.4g}")
    if progress.get("seconds_left") is not None:
        parts.append(f"{duration(progress['seconds_left'])} left")
    return ", ".join(parts)


def _table(state: State) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage")
    for title in ("step", "loss", "left", "so far"):
        table.add_column(title, justify="right")
    for name, running in state.running.items():
        progress = running.progress()
        step = f"{progress['step']:,} / {progress['total']:,}" if progress else "..."
        loss = f"{progress['loss']:.4g}" if progress.get("loss") is not None else ""
        left = progress.get("seconds_left")
        left = "" if left is None else duration(left)
        table.add_row(f"[bold]{name}", step, loss, left, duration(running.seconds))
    table.add_row(
        f"[dim]{len(state.done)} of {len(state.stages)} stages",
        "",
        "",
        "" if (left := seconds_left(state)) is None else f"[dim]{duration(left)}",
        f"[dim]{duration(time.monotonic() - state.started)}",
    )
    return table
