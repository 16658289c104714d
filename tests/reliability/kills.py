"""Proves that kill -9 loses nothing: at every file operation of a save, and at any moment of a training.

    python tests/reliability/kills.py --kills 60           # a table
    python tests/reliability/kills.py --kills 60 --json    # {"kills": n, "lost": n}

After each kill the tiny training (see `tiny`) resumes. It is lost if it does not end with the weights
and losses of one that is never killed, or loads a checkpoint that does not verify. One third of the
kills come at random moments, the others at file operations: first all of one save, then as many as are
left, evenly over all saves. A write counts twice, at its beginning and in its middle.
"""

import argparse
import builtins
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ovsam.engine.checkpoint_hook import CheckpointHook
from tests.reliability.tiny import Setup, run, same, start, train, wait_for

SETUP = Setup(validates=True)  # so that there are best checkpoints, and one that is written again
SAVE_ITERS = 4
SAVES = ("_save", "_save_best_checkpoint")


class FileOperations:
    """Counts what this process does to files while it saves, and kills it before one of them.

    Attributes:
        counts: operations of each save that has ended.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at, self.done, self.depth = kill_at, 0, 0
        self.counts: list[int] = []

    def watch(self) -> None:
        """From now on; it is meant for a process that ends soon."""
        for name in ("open", "fsync", "replace", "rename", "chmod", "unlink", "remove"):
            setattr(os, name, self._counted(getattr(os, name)))
        builtins.open = io.open = self._opener(io.open)  # type: ignore[assignment]
        for name in SAVES:
            setattr(CheckpointHook, name, self._save(getattr(CheckpointHook, name)))

    def step(self) -> None:
        """One operation is about to happen."""
        if self.depth:
            self.done += 1
            if self.done == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.step()
            return function(*args, **options)

        return counted

    def _opener(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            self.step()
            found = function(file, mode, *args, **options)
            return _Written(found, self) if self.depth and set(mode) & set("wax+") else found

        return opened

    def _save(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def saved(*args: Any, **options: Any) -> Any:
            before, self.depth = self.done, self.depth + 1
            try:
                return function(*args, **options)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.counts.append(self.done - before)

        return saved


class _Written:
    """A file whose writes reach the disk in two halves."""

    def __init__(self, file: Any, operations: FileOperations) -> None:
        self.file, self.operations = file, operations

    def write(self, content: Any) -> int:
        half = len(content) // 2
        for part in (content[:half], content[half:]):
            self.operations.step()
            self.file.write(part)
            self.file.flush()
        return len(content)

    def __enter__(self) -> "_Written":
        return self

    def __exit__(self, *_: Any) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def train_watched(work_dir: Path, kill_at: int | None) -> None:
    """Train in this process; leaves the operations of each save in `operations.json`."""
    operations = FileOperations(kill_at)
    operations.watch()
    train(SETUP, work_dir, save_iters=SAVE_ITERS)
    (work_dir / "operations.json").write_text(json.dumps(operations.counts))


def operations_to_kill_at(counts: list[int], number: int) -> list[int]:
    """The operations, counted from 1 over all saves: all of one save, then evenly over all.

    The one is the longest that fits into `number`.
    """
    longest = max((count for count in counts if count <= number), default=0)
    first = sum(counts[: counts.index(longest)]) if longest else 0
    of_one = list(range(first + 1, first + 1 + longest))
    others = sorted(set(range(1, sum(counts) + 1)) - set(of_one))
    left = min(number - len(of_one), len(others))
    return of_one + [others[index * len(others) // left] for index in range(left)]


def kills(folder: Path, number: int) -> Iterator[tuple[str, Path]]:
    """Kill trainings; gives what happened and the folder that is left."""
    begin = time.monotonic()
    counting = folder / "counting"
    assert wait_for(start(lambda: train_watched(counting, None), counting, 1)) == [0]
    seconds = time.monotonic() - begin
    at_random = max(number // 3, 1)
    counts = json.loads((counting / "operations.json").read_text())
    for kill_at in operations_to_kill_at(counts, number - at_random):
        work_dir = folder / f"operation_{kill_at}"
        forks = start(lambda kill_at=kill_at, out=work_dir: train_watched(out, kill_at), work_dir, 1)
        assert wait_for(forks) == [-signal.SIGKILL], (work_dir / "output_0.txt").read_text()
        yield f"file operation {kill_at} of {sum(counts)}", work_dir
    draw = random.Random(0)
    for index in range(at_random):
        longest = seconds
        while True:
            work_dir, delay = folder / f"moment_{index}_{longest}", draw.uniform(0, longest)
            forks = start(lambda out=work_dir: train(SETUP, out, save_iters=SAVE_ITERS), work_dir, 1)
            forks[0].join(delay)
            forks[0].kill()
            if wait_for(forks) == [-signal.SIGKILL]:
                break
            longest *= 0.8  # it ended before; the machine is faster than it was
        yield f"after {delay:.2f} s", work_dir


def main() -> int:
    """Print the table or its sum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, help="how many (default: 60)")
    parser.add_argument("--json", action="store_true", help="print only the numbers")
    args = parser.parse_args()
    number = lost = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = folder / "reference"
        assert run(SETUP, reference) == [0], (reference / "output_0.txt").read_text()
        for what, work_dir in kills(folder, args.kills):
            codes = run(SETUP, work_dir, save_iters=SAVE_ITERS, resume=True)
            is_lost = codes != [0] or not same(reference, work_dir)
            number, lost = number + 1, lost + is_lost
            if not args.json:
                print(f"| {what} | {'LOST' if is_lost else 'nothing lost'} |", flush=True)
    print(json.dumps({"kills": number, "lost": lost}))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
