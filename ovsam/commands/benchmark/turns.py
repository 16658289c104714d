"""Two sides of a comparison: measured in turn in one process, their memory in one process each."""

import argparse
import statistics
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ovsam.benchmark.memory import peak_bytes, seconds_of
from ovsam.processes import worker_pool

Work = Callable[[], Any]


def in_turn(
    ours: Work,
    peer: Work,
    device: str,
    args: argparse.Namespace,
    as_peer: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, float]:
    """`ours_s` and `peer_s`, medians of `args.repeats`, and `ratio`, how much longer the peer takes.

    The peer runs in the context `as_peer`, which is entered and left while no clock runs.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(args.warm_up + args.repeats):
        times[0].append(seconds_of(ours, device))
        with as_peer():
            times[1].append(seconds_of(peer, device))
    ours_s, peer_s = (statistics.median(side[args.warm_up :]) for side in times)
    return {"ours_s": ours_s, "peer_s": peer_s, "ratio": peer_s / ours_s}


def memory_ratio(work: Callable[..., Work], *arguments: Any, device: str) -> dict[str, float]:
    """Peak memory of both sides, `ours_gb` and `peer_gb`, and ours as a part of the peer's.

    `work(side, *arguments)` with a side of "ours" or "peer" makes what is run once; a function of a
    module, because each side runs in a process of its own.
    """
    peaks = []
    for side in ("ours", "peer"):
        with worker_pool(1) as pool:
            peaks.append(pool.submit(_peak, work, side, arguments, device).result())
    return {
        "ours_gb": peaks[0] / 1e9,
        "peer_gb": peaks[1] / 1e9,
        "memory_ratio": peaks[0] / peaks[1],
    }


def _peak(work: Callable[..., Work], side: str, arguments: tuple[Any, ...], device: str) -> int:
    run = work(side, *arguments)
    with torch.no_grad():
        for _ in range(3 if device == "cuda" else 1):  # a graph is recorded at the second time
            run()
    return peak_bytes(device)


def curve(name: str, values: Iterable[int], measure: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """What `measure` finds of every value: those of the largest, and all under `name`."""
    found = {str(value): measure(value) for value in sorted(set(values))}
    return {**list(found.values())[-1], name: found}


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Largest difference as a part of the largest value."""
    return float((found.float() - expected.float()).abs().max() / expected.float().abs().max())
