"""Serves the page to many visitors at once, a tenth of whose requests are hostile.

    python tests/reliability/serve.py --clients 50 --seconds 120           # what happened
    python tests/reliability/serve.py --clients 50 --seconds 120 --json    # the same as JSON
    python tests/reliability/serve.py --results tests/reliability/results/serve.json

The server is a process of its own, `tools/demo.py` with the released weights and without its tab for
label maps, on this machine's loopback address. Each visitor has a picture of its own size and knows the
masks and names that the model finds on it, so an answer to another visitor's question is noticed. An
answer's seconds count from the first try, also where the full queue has sent the visitor away. The exit
code is 1 where an answer was wrong, a hostile request got more than a refusal, the server died, or its
memory grew by more than MAX_GROWTH.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from ovsam.inference.hub import DEFAULT_MODELS
from ovsam.inference.predictor import Predictor
from tests.reliability.hostile import KINDS
from tests.reliability.results import provenance, write_results
from tests.reliability.visitors import Visitor, known_answers

HOSTILE_SHARE = 0.1
THINKING = 1.0  # mean seconds between a visitor's requests
MAX_GROWTH = 1_500  # MB; the opened pictures of all visitors may take 1,000
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Load:
    """Visitors on a served page.

    Args:
        address: of the page.
        clients: visitors.
        answers: their pictures and what they must be answered.
        memory: of the server, MB.
    """

    def __init__(self, address: str, clients: int, answers: list, memory: Callable[[], float]) -> None:
        self.address, self.memory = address, memory
        self.visitors = [Visitor(address, number, *answers[number]) for number in range(clients)]
        self.hostile: Counter[str] = Counter()
        self.bad: list[str] = []
        self.end = 0.0

    def run(self, seconds: float) -> dict[str, Any]:
        """Ask for so long; returns what happened."""
        self.end = time.monotonic() + seconds
        threads = [threading.Thread(target=self._visit, args=(visitor,)) for visitor in self.visitors]
        used = [self.memory()]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            used.append(self.memory())
            time.sleep(0.5)
        return self._found(seconds, used)

    def _visit(self, visitor: Visitor) -> None:
        draw = random.Random(visitor.name)
        kinds = draw.sample(KINDS, len(KINDS))
        time.sleep(draw.random())
        while time.monotonic() < self.end:
            try:
                if draw.random() < HOSTILE_SHARE:
                    kinds.append(kind := kinds.pop(0))
                    self.hostile[kind.__name__] += 1
                    if problem := kind(self.address):
                        self.bad.append(f"{kind.__name__}: {problem}")
                else:
                    visitor.ask()
            except Exception as error:  # whatever it is, it is the server's fault
                visitor.tally.wrong.append(f"{visitor.name}: {error!r}")
            time.sleep(draw.expovariate(1 / THINKING))

    def _found(self, seconds: float, used: list[float]) -> dict[str, Any]:
        took = np.array([s for visitor in self.visitors for s in visitor.tally.seconds] or [np.nan])
        wrong = [text for visitor in self.visitors for text in visitor.tally.wrong]
        percentiles = {"median": 50, "95th": 95, "99th": 99}
        return {
            "clients": len(self.visitors),
            "seconds": seconds,
            "answers": len(took),
            "wrong": len(wrong),
            "sent_away": sum(visitor.tally.refused for visitor in self.visitors),
            "hostile": sum(self.hostile.values()),
            "hostile_kinds": dict(sorted(self.hostile.items())),
            "hostile_not_refused": len(self.bad),
            "latency_seconds": {
                n: round(float(np.percentile(took, p)), 2) for n, p in percentiles.items()
            },
            "memory_mb": {
                "start": round(used[0]),
                "half": round(used[len(used) // 2]),
                "peak": round(max(used)),
                "end": round(used[-1]),
            },
            "problems": [*wrong, *self.bad][:20],
        }


def is_good(found: dict[str, Any]) -> bool:
    """Whether all that the module's text asks for holds."""
    grown = found["memory_mb"]["peak"] - found["memory_mb"]["start"]
    return not found["wrong"] and not found["hostile_not_refused"] and grown <= MAX_GROWTH


def resident_mb(process: int) -> float:
    """Memory that a process has, MB."""
    [line] = [row for row in Path(f"/proc/{process}/status").read_text().splitlines() if "VmRSS" in row]
    return int(line.split()[1]) / 1024


@contextmanager
def served(output: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The page in a process of its own; gives its address and the process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "tools/demo.py", "--port", str(port), "--device", "cpu"]
    command += ["--semantic-model", "none"]  # no visitor asks for label maps
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(root)}
    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=file, stderr=file)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, output)
            yield address, process
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(address: str, process: subprocess.Popen, output: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {output.read_text()}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the server does not answer")


def main() -> int:
    """Print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50, help="visitors (default: 50)")
    parser.add_argument("--seconds", type=float, default=120, help="how long they ask (default: 120)")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--results", type=Path, help="also write a results file")
    args = parser.parse_args()
    os.environ.update(ONE_THREAD)
    predictor = Predictor.from_pretrained(DEFAULT_MODELS["promptable"], device="cpu")
    answers = known_answers(predictor, args.clients)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        with served(output) as (address, process):
            load = Load(address, args.clients, answers, lambda: resident_mb(process.pid))
            found = load.run(args.seconds)
            found["is_alive"] = process.poll() is None
        text = output.read_text()
    found["stacks_in_log"] = text.count("Traceback")
    found["load_average"] = round(os.getloadavg()[1], 1)  # 5 minutes; other programs slow the answers
    if args.results:
        write_results(args.results, {**provenance(), **found})
    print(json.dumps(found) if args.json else json.dumps(found, indent=1))
    if text.count("Traceback") and not args.json:
        print(text[-3000:], file=sys.stderr)
    return 0 if is_good(found) and found["is_alive"] else 1


if __name__ == "__main__":
    sys.exit(main())
