"""Finds what cannot be read of a data set: beforehand, in parallel, and remembered.

What is left out is decided before the first sample is drawn. So a training without the broken images
is, bit by bit, the training on a data set that never had them.
"""

import json
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import cv2
import torch
from mmengine.logging import print_log
from torch.utils.data import DataLoader, Dataset

from ovsam.files import cache_folder, locked, written_whole

#: What a data set does with broken entries: stop with an error, or leave them out and count them.
OnError = Literal["raise", "skip"]
MAX_WORKERS = 16
NUM_WORTH_WORKERS = 200  # entries; fewer are read before the processes have begun
NUM_NAMED = 5  # problems in a message


class _Checks(Dataset):
    """The problem of every entry, as a data set for the loader's processes."""

    def __init__(self, problem_of: Callable[[int], str], number: int) -> None:
        self.problem_of, self.number = problem_of, number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> str:
        return self.problem_of(index)


def scan(problem_of: Callable[[int], str], number: int, workers: int | None = None) -> Iterator[str]:
    """`problem_of` of 0, 1, ... `number` - 1, in this order; no global generator is drawn from.

    Args:
        problem_of: what is wrong with an entry; empty = nothing.
        number: of entries.
        workers: processes; None = one per core, none for few entries; 0 = this process alone.
    """
    if workers is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = min(cores, MAX_WORKERS) if number >= NUM_WORTH_WORKERS else 0
    if multiprocessing.current_process().daemon:  # a loader's worker may start no processes
        workers = 0
    yield from DataLoader(
        _Checks(problem_of, number),
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_use_one_thread,
        generator=torch.Generator(),  # the loader seeds its workers from it
    )


def find_broken(problem_of: Callable[[int], str], number: int, key: str) -> dict[int, str]:
    """Entries with a problem, see `scan`; found once for a `key` and kept in the cache.

    Processes that ask for one key at the same time wait for the first of them.
    """

    def scanned() -> dict[int, str]:
        print_log(f"reads {number:,} entries to find broken ones (on_error='skip')", "current")
        return {index: problem for index, problem in enumerate(scan(problem_of, number)) if problem}

    path = cache_folder() / "broken" / f"{key}.json"
    try:
        with locked(path):
            if path.is_file():
                try:
                    return {int(i): str(text) for i, text in json.loads(path.read_text()).items()}
                except (ValueError, AttributeError):
                    print_log(f"{path} is damaged, it is made again", "current", logging.WARNING)
            found = scanned()
            with written_whole(path) as partial:
                partial.write_text(json.dumps(found))
            return found
    except (OSError, NotImplementedError) as error:  # the second: a file system without locks
        print_log(f"{path} cannot be written: {error}", "current", logging.WARNING)
        return scanned()


def report_left_out(what: str, source: object, problems: Sequence[str], total: int) -> None:
    """Log what `on_error='skip'` leaves out of `source`: so many `what`, and the first problems.

    Raises:
        ValueError: it is more than half of all: then something else is wrong.
    """
    named = "; ".join(problems[:NUM_NAMED])
    if 2 * len(problems) > total:
        raise ValueError(
            f"{source}: {len(problems):,} of {total:,} {what} are broken: {named}. on_error='skip'"
            " leaves out at most half of them: is it the right folder and the right file?"
        )
    if problems:
        more = "; ..." if len(problems) > NUM_NAMED else ""
        print_log(
            f"{source}: {len(problems):,} of {total:,} {what} are broken and left out"
            f" (on_error='skip'): {named}{more}",
            "current",
            logging.WARNING,
        )


def one_line(error: BaseException) -> str:
    """The message of an error."""
    return " ".join(str(error).split()) or type(error).__name__


def _use_one_thread(_: int) -> None:
    cv2.setNumThreads(0)
