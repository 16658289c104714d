"""Where a number comes from: commit, hardware, library versions, hashes, config digest."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

import ovsam

REPOSITORY = Path(ovsam.__file__).resolve().parents[1]
#: What a result depends on, the scripts below `tests` that measure included; results files, which are
#: all JSON that `configs` has, and READMEs do not make a tree dirty.
TRACKED_SOURCES = (
    "ovsam",
    "configs",
    "tools",
    "tests/demo",
    "tests/parity",
    "tests/reliability",
    "tests/training",
    "pyproject.toml",
    ":(exclude)configs/*.json",  # at any depth: git's * takes slashes, too
    ":(exclude)tests/*.json",
    ":(exclude)*.md",
)
#: Quota and period of the control group's CPU time, on Linux.
CPU_SHARE = Path("/sys/fs/cgroup/cpu.max")
LIBRARIES = ("torch", "torchvision", "numpy", "onedl-mmengine", "open_clip_torch", "segment-anything")

#: Keys that the config digest leaves out wherever they stand: they change where and how fast a run
#: happens and what it prints, not what it computes. A seed has its own field in a record.
KEYS_OUTSIDE_DIGEST = frozenset(
    {
        "work_dir", "weights_root", "data_root", "filename", "experiment_name",  # places and names
        "num_workers", "persistent_workers", "prefetch_factor", "pin_memory",  # workers
        "launcher", "env_cfg", "resume", "load_from", "changed_options",  # how it was started
        "logger", "log_level", "log_processor", "visualizer", "vis_backends", "visualization",  # logging
        "trackers", "randomness", "seed",
    }
)  # fmt: skip
#: Parts that a config of `_base_` offers to build from, left out at the top level: what is built counts.
PARTS_TO_BUILD_FROM = frozenset({"convolutional_neck", "eval_loader", "train_loader", "tuned"})


def config_digest(config: Mapping[str, Any]) -> str:
    """sha256 (hex) of what a config computes.

    Classes and functions count by their qualified name, absolute paths by their last part, tuples as
    lists. `KEYS_OUTSIDE_DIGEST` and `PARTS_TO_BUILD_FROM` do not count, nor does the order of keys.

    Raises:
        TypeError: a value that has no stable form, such as an array.
    """
    counted = {key: value for key, value in config.items() if key not in PARTS_TO_BUILD_FROM}
    content = json.dumps(_canonical(counted), sort_keys=True, ensure_ascii=True, allow_nan=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _canonical(v) for k, v in value.items() if k not in KEYS_OUTSIDE_DIGEST}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_canonical(item) for item in value), key=repr)
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        return Path(text).name if os.path.isabs(text) else text
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if hasattr(value, "__qualname__") and hasattr(value, "__module__"):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, torch.dtype):
        return str(value)
    raise TypeError(f"a config value of type {type(value).__qualname__} has no digest: {value!r}")


def collect(started: str, seconds: float, world_size: int = 1) -> dict[str, Any]:
    """Provenance of a run on this machine that `started` at an ISO 8601 time, as a record holds it.

    `commit` and `dirty` are None outside a git checkout: an installed package has its version only.
    """
    commit, dirty = git_state()
    return {
        "commit": commit,
        "dirty": dirty,
        "hardware": hardware(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        "versions": versions(),
        "threads": torch.get_num_threads(),  # per process; on a CPU they decide the order of sums
        "world_size": world_size,
        "started": started,
        "seconds": round(seconds, 3),
    }


class Measurement:
    """A measurement of this process: it begins when this is made and ends with `origin`."""

    def __init__(self) -> None:
        self._state = git_state()
        self._clock = time.monotonic()
        self._started = datetime.now(timezone.utc).isoformat(timespec="seconds")

    def origin(self) -> dict[str, Any]:
        """See `collect`; where the sources changed in between, no commit tells them: `dirty`."""
        found = collect(self._started, time.monotonic() - self._clock)
        if (found["commit"], found["dirty"]) != self._state:
            found["dirty"] = True
        return found


def blemish(origin: Mapping[str, Any]) -> str:
    """What forbids to publish a number of this `origin` (see `collect`), or nothing."""
    if not origin.get("commit"):
        return f"no commit (package {origin.get('versions', {}).get('ovsam')} outside a checkout)"
    if origin.get("dirty") is not False:
        return f"sources differed from commit {origin['commit'][:12]}"
    return "" if origin.get("hardware") else "the hardware is not known"


def git_state(repository: Path = REPOSITORY) -> tuple[str | None, bool | None]:
    """(commit, whether sources differ from it), or (None, None) where `repository` is no checkout.

    A package that is installed below somebody else's checkout does not take that one's commit.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != repository.resolve():
            return None, None
        changes = git("status", "--porcelain", "--", *TRACKED_SOURCES)
        return git("rev-parse", "HEAD"), bool(changes)
    except (OSError, subprocess.SubprocessError):
        return None, None


def versions() -> dict[str, str]:
    """Version of ovsam, Python and the libraries that results depend on."""
    found = {"ovsam": ovsam.__version__, "python": platform.python_version()}
    return found | {library: _version_of(library) for library in LIBRARIES}


def _version_of(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def hardware() -> str:
    """CPU model, cores that this process may use, memory in GiB, and GPUs."""
    parts = [f"{_cpu_model()}, {available_cores()} cores, {_memory_gib()} GiB"]
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        parts += [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
    return "; ".join(parts)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def available_cores() -> int:
    """CPU cores that this process may use: its affinity, and the share that a container grants."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_SHARE.read_text().split()
        return max(min(cores, round(int(quota) / int(period))), 1)
    except (OSError, ValueError):  # no control group, or its quota is "max"
        return cores


def _memory_gib() -> int:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (ValueError, OSError, AttributeError):
        return 0
