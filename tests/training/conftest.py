"""A tiny world and runs on it, in this process or in forks of it."""

import importlib
import multiprocessing
import os
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ovsam.commands import test as test_command
from ovsam.commands import train as train_command
from ovsam.datasets.shapes.sources_writer import SourcesPlan, write_sources
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes

COMMANDS = {"train": train_command, "test": test_command}


@pytest.fixture(scope="session")
def tiny_shapes(tmp_path_factory) -> Path:
    """`shapes` with 13 training, 3 validation, 5 test and 6 distillation pictures; its sources."""
    root = tmp_path_factory.mktemp("data") / "shapes"
    write_shapes(root, ShapesPlan(seed=3, train=13, val=3, test=5, distill=6))
    sources = root.with_name("shapes_sources")
    write_sources(sources, SourcesPlan(seed=3, boxes=3, labels=4, probe=2, alone=2))
    return root


def run_command(
    name: str, config: str, work_dir: Path, options: dict[str, Any], processes: int = 1, **given: Any
) -> None:
    """What `tools/<name>.py CONFIG --work-dir ... --cfg-options ...` does, forked over gloo if asked.

    Raises:
        AssertionError: a process failed; its output is above.
    """
    options = {"weights_root": str(work_dir / "weights"), **options}  # what is kept goes beside it
    parser = ArgumentParser()
    importlib.import_module(f"ovsam.arguments.{name}").add_arguments(parser)
    fields = dict(config=config, work_dir=work_dir, seed=0, cfg_options=options)
    if name == "test":
        fields["no_complexity"] = True
    args = Namespace(**{**vars(parser.parse_args([config])), **fields, **given})
    if processes == 1:
        COMMANDS[name].run(args)
        return
    args.launcher = "pytorch"
    context = multiprocessing.get_context("fork")
    port = _free_port()
    ranks = [
        context.Process(target=_run_rank, args=(name, args, r, processes, port))
        for r in range(processes)
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(timeout=100)  # two of them on a busy machine
    assert [rank.exitcode for rank in ranks] == [0] * processes


def _run_rank(name: str, args: Namespace, rank: int, world_size: int, port: int) -> None:
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world_size),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    COMMANDS[name].run(args)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def command() -> Callable[..., None]:
    """`run_command`."""
    return run_command
