"""Gives every parser of other people's input hundreds of thousands of inputs that nearly fit.

    python tests/reliability/fuzz.py --inputs 200000           # a table
    python tests/reliability/fuzz.py --inputs 200000 --json    # {parser: {"inputs": n, "crashes": n}}
    python tests/reliability/fuzz.py --results tests/reliability/results/fuzz.json
    python tests/reliability/fuzz.py --parsers coco --only 4711    # one input again, with its stack

An input is a change of a good one (`fuzz_inputs`, `fuzz_parsers`); its number and the seed decide it. It
crashes a parser that raises anything but its documented error in its own words, returns what does not
hold, takes longer than 10 seconds, takes more than 2 GB of memory, or ends its process.
"""

import argparse
import json
import logging
import multiprocessing
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import ovsam
from tests.reliability.fuzz_parsers import PARSERS, Parser
from tests.reliability.fuzz_scratch import scratch_folder
from tests.reliability.results import provenance, write_results

PACKAGE = str(Path(ovsam.__file__).parent)
LONGEST, MOST_MEMORY = 10.0, 2 << 30  # seconds and bytes for one input
NAMED = 5  # crashes that are described


@dataclass
class Found:
    """What the inputs of one parser did.

    Attributes:
        inputs: that were tried.
        refused: of them, with the documented error.
        crashes: number of the input -> what happened.
    """

    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    crashes: dict[int, str] = field(default_factory=dict)


def problem_of(parser: Parser, number: int, seed: int, seen: list[int] | None = None) -> str:
    """What is wrong with how a parser takes one input; empty if nothing is. `seen` counts refusals."""
    given = parser.make(Random(f"{seed} {parser.name} {number}" if seed else number))
    try:
        parser.take(given)
    except parser.errors as error:
        if seen is not None:
            seen[0] += 1
        place = _last_file(error)
        if type(error) not in parser.errors or not str(error).strip() or not place.startswith(PACKAGE):
            return f"{type(error).__name__} from {Path(place).name}: {str(error)[:150]}; {given!r:.200}"
    except AssertionError as error:
        return f"does not hold: {str(error)[:150]}; {given!r:.200}"
    except Exception as error:
        return f"{type(error).__name__} from {_last_file(error)}: {str(error)[:150]}; {given!r:.200}"
    return ""


def _last_file(error: BaseException) -> str:
    """Where an error was raised."""
    trace, name = error.__traceback__, ""
    while trace is not None:
        name, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return name


def fuzz(parser: Parser, inputs: int, *, seed: int = 0, seconds: float = float("inf")) -> Found:
    """Try the inputs 0..inputs-1 in processes of their own, as long as there is time."""
    found, began, start = Found(), time.monotonic(), 0
    context = multiprocessing.get_context("fork")
    while start < inputs and time.monotonic() - began < seconds:
        # The number that is under way, how many are done, how many were refused.
        scratch_folder()  # of this process, so that it goes with it
        counts, messages = context.Array("q", [start, 0, 0], lock=False), context.SimpleQueue()
        end = began + seconds
        process = context.Process(
            target=_work, args=(parser, start, inputs, seed, end, counts, messages)
        )
        process.start()
        killed = _watch(process, counts, messages, found.crashes)
        found.inputs, found.refused = found.inputs + counts[1], found.refused + counts[2]
        if process.exitcode == 0:
            break
        found.inputs += 1
        found.crashes[counts[0]] = killed or f"the process ended with {process.exitcode}"
        start = counts[0] + 1
    found.seconds = time.monotonic() - began
    return found


def _watch(process: Any, counts: Any, messages: Any, crashes: dict[int, str]) -> str:
    """Wait for a process and read its messages; kill it where one input takes too long."""
    last, since, is_alive = -1, time.monotonic(), True
    while is_alive:
        process.join(0.02)
        is_alive = process.is_alive()  # before the last messages are read
        while not messages.empty():
            number, problem = messages.get()
            crashes[number] = problem
        if counts[0] != last:
            last, since = counts[0], time.monotonic()
        elif time.monotonic() - since > LONGEST:
            process.kill()
            process.join()
            return f"it takes longer than {LONGEST:g} seconds"
    return ""


def _work(
    parser: Parser, start: int, end: int, seed: int, until: float, counts: Any, messages: Any
) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, sys.stdout.fileno())
    os.dup2(silent, sys.stderr.fileno())
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY, resource.RLIM_INFINITY))
    logging.disable(logging.WARNING)
    refused = [0]
    for number in range(start, end):
        counts[0] = number
        if number % 16 == 0 and time.monotonic() > until:
            break
        if problem := problem_of(parser, number, seed, refused):
            messages.put((number, problem))
        counts[1], counts[2] = number - start + 1, refused[0]
    os._exit(0)


def main() -> int:
    """Print the table or its numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=200_000, help="of each parser (default: 200000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most, of each parser")
    parser.add_argument("--parsers", nargs="+", choices=sorted(PARSERS), help="only these")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one input, with its stack")
    parser.add_argument("--json", action="store_true", help="print only the numbers")
    parser.add_argument("--results", type=Path, help="also write a results file")
    args = parser.parse_args()
    names = args.parsers or list(PARSERS)
    if args.only is not None:
        return _again(PARSERS[names[0]], args.only, args.seed)
    origin, rows = provenance(), {}
    for name in names:
        found = rows[name] = fuzz(PARSERS[name], args.inputs, seed=args.seed, seconds=args.seconds)
        if not args.json:
            rate = found.inputs / max(found.seconds, 1e-9)
            refused = f"{100 * found.refused / max(found.inputs, 1):.0f} % refused"
            print(
                f"| {name} | {found.inputs:,} | {len(found.crashes)} | {refused} | {rate:,.0f}/s |",
                flush=True,
            )
            for number, problem in list(found.crashes.items())[:NAMED]:
                print(f"    {number}: {problem}", flush=True)
    if args.results:
        write_results(
            args.results, {**origin, "seed": args.seed, "parsers": {n: _row(f) for n, f in rows.items()}}
        )
    if args.json:
        print(json.dumps({n: {"inputs": f.inputs, "crashes": len(f.crashes)} for n, f in rows.items()}))
    return 1 if any(found.crashes for found in rows.values()) else 0


def _row(found: Found) -> dict[str, Any]:
    return {
        "inputs": found.inputs,
        "crashes": len(found.crashes),
        "refused_share": round(found.refused / max(found.inputs, 1), 3),
        "inputs_per_second": round(found.inputs / max(found.seconds, 1e-9)),
    }


def _again(parser: Parser, number: int, seed: int) -> int:
    given = parser.make(Random(f"{seed} {parser.name} {number}" if seed else number))
    print(repr(given)[:5000])
    try:
        parser.take(given)
    except Exception:
        traceback.print_exc()
    return 1 if problem_of(parser, number, seed) else 0


if __name__ == "__main__":
    sys.exit(main())
