"""Proves that a run which is stopped anywhere and resumed ends as one that is not stopped, bit by bit.

    python tests/reliability/resume_matrix.py           # a table
    python tests/reliability/resume_matrix.py --json    # {"cases": n, "identical": n}

Each case trains a tiny model (see `tiny`) three times: without a stop, until it is stopped, and resumed.
Identical are the final weights and every loss that either run logged.
"""

import argparse
import functools
import itertools
import json
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.reliability.tiny import STEPS_PER_EPOCH, DiesAfter, Setup, run, same

SAVE_ITERS = 4
#: Iterations behind a run when it is stopped; the last checkpoint is that of 6, 8 or 16 iterations.
PLACES = {
    "end of epoch 1": STEPS_PER_EPOCH,
    "middle of epoch 2": STEPS_PER_EPOCH + 3,
    "middle of epoch 3": 2 * STEPS_PER_EPOCH + 5,
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row.

    Attributes:
        setup: what both runs have in common.
        stops: iterations behind the run, each time that it is stopped.
        number: kills the process, or asks it to save and end.
    """

    name: str
    setup: Setup = field(default_factory=Setup)
    stops: tuple[int, ...]
    number: int = signal.SIGKILL


def cases() -> list[Case]:
    """All rows."""
    rows = [
        Case(
            name=f"{place}; {processes} processes, {workers} workers, {accumulation} batches a step",
            setup=Setup(processes=processes, workers=workers, accumulation=accumulation),
            stops=(stop,),
        )
        for processes, workers, accumulation, (place, stop) in itertools.product(
            (1, 2), (0, 2), (1, 4), list(PLACES.items())[:2]
        )
    ]
    two = Setup(processes=2, accumulation=4)
    late = PLACES["middle of epoch 3"]
    return [
        *rows,
        Case(name="stopped four times", stops=(3, 5, 9, 14)),
        Case(name="middle of epoch 3", stops=(late,)),
        Case(name="workers that live on", setup=Setup(workers=2, persistent=True), stops=(9,)),
        Case(name="workers that live on, end", setup=Setup(workers=2, persistent=True), stops=(6,)),
        Case(name="bfloat16", setup=Setup(precision="bfloat16"), stops=(9,)),
        Case(name="with validation and the best", setup=Setup(validates=True), stops=(6, 9)),
        Case(name="counting iterations", setup=Setup(by_epoch=False), stops=(9,)),
        Case(name="counting iterations, end", setup=Setup(by_epoch=False), stops=(6,)),
        Case(name="counting, 2 processes", setup=Setup(by_epoch=False, processes=2), stops=(late,)),
        Case(name="joint training", setup=Setup(joint=True), stops=(4, 9)),
        Case(name="joint, 2 processes", setup=Setup(joint=True, processes=2, workers=2), stops=(9,)),
        Case(name="joint, counting", setup=Setup(joint=True, by_epoch=False), stops=(6, late)),
        Case(name="SIGTERM", stops=(10,), number=signal.SIGTERM),
        Case(name="SIGUSR1", stops=(10,), number=signal.SIGUSR1),
        Case(name="SIGTERM, 2 processes", setup=two, stops=(10,), number=signal.SIGTERM),
        Case(name="SIGTERM, workers", setup=Setup(workers=2), stops=(11,), number=signal.SIGTERM),
    ]


class Matrix:
    """Runs cases below a folder; what two cases have in common is trained once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uninterrupted = functools.cache(self._uninterrupted)
        self.numbers = itertools.count()

    def _uninterrupted(self, setup: Setup) -> Path:
        work_dir = self.folder / f"whole_{next(self.numbers)}"
        assert set(run(setup, work_dir)) == {0}, (work_dir / "output_0.txt").read_text()
        return work_dir

    def is_identical(self, case: Case) -> bool:
        """Train one case."""
        work_dir = self.folder / f"stopped_{next(self.numbers)}"
        expected = 0 if case.number in (signal.SIGTERM, signal.SIGUSR1) else -case.number
        for number, stop in enumerate(case.stops):
            hook = DiesAfter(stop, case.number)
            codes = run(case.setup, work_dir, save_iters=SAVE_ITERS, resume=number > 0, hook=hook)
            if set(codes) != {expected} or (work_dir / "weights.safetensors").exists():
                return False
        codes = run(case.setup, work_dir, save_iters=SAVE_ITERS, resume=True)
        return set(codes) == {0} and same(self.uninterrupted(case.setup), work_dir)


def main() -> int:
    """Print the table or its sum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print only the numbers of cases")
    args = parser.parse_args()
    rows, identical = cases(), 0
    with tempfile.TemporaryDirectory() as folder:
        matrix = Matrix(Path(folder))
        for case in rows:
            found = matrix.is_identical(case)
            identical += found
            if not args.json:
                print(f"| {case.name} | {'identical' if found else 'DIFFERENT'} |", flush=True)
    print(json.dumps({"cases": len(rows), "identical": identical}))
    return 0 if identical == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
