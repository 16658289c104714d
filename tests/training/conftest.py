"""A tiny world and the commands that train on it, as a user would type them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes

REPOSITORY = Path(__file__).resolve().parents[2]
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


@pytest.fixture(scope="session")
def tiny_shapes(tmp_path_factory) -> Path:
    """`shapes` with 13 training, 3 validation, 5 test and 6 distillation pictures."""
    root = tmp_path_factory.mktemp("data") / "shapes"
    write_shapes(root, ShapesPlan(seed=3, train=13, val=3, test=5, distill=6))
    return root


def run_command(*arguments: object, processes: int = 1, port: int = 29611) -> str:
    """Run `tools/<command>.py` with one thread per process; its output.

    Raises:
        AssertionError: it failed; the message has its output.
    """
    environment = dict(os.environ, OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", PORT=str(port))
    command, *rest = map(str, arguments)
    if processes == 1:
        line = [sys.executable, f"tools/{command}.py", *rest]
    else:
        line = ["bash", "tools/launch.sh", command, *rest, "--gpus", str(processes)]
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        line, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, f"{' '.join(line)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def command() -> Callable[..., str]:
    """`run_command`."""
    return run_command
