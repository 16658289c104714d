"""Progress of a command, on stderr."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    track,
)

Item = TypeVar("Item")


def tracked(items: Iterable[Item], title: str, *, is_shown: bool = True) -> Iterable[Item]:
    """The items one by one; on a terminal with a live bar."""
    console = Console(stderr=True)
    return track(items, title, console=console, disable=not (is_shown and console.is_terminal))


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """A function of (done, total): a live bar on a terminal, a line per quarter elsewhere; on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _print_quarters(title)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_quarters(title: str) -> Callable[[int, int], None]:
    reported = 0

    def report(done: int, total: int) -> None:
        nonlocal reported
        quarter = done * 4 // total
        if quarter > reported:
            print(f"{title}: {done:,} of {total:,}", file=sys.stderr, flush=True)
        reported = quarter  # 0 again when the next step begins

    return report
