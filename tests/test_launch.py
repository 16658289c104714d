"""The launcher: usage, bad numbers, and one process per rank."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def launch(*arguments, **environment):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "tools/launch.sh", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("fly",), ("train",)])
def test_wrong_use_shows_the_usage(arguments):
    done = launch(*arguments)
    assert done.returncode == 2
    assert "tools/launch.sh train|test CONFIG" in done.stderr


def test_option_without_a_value_is_named():
    done = launch("train", "mini/sam_vit", "--gpus")
    assert done.returncode == 2
    assert "error: --gpus needs a value" in done.stderr


def test_number_of_processes_must_be_positive():
    done = launch("train", "mini/sam_vit", "--gpus", "0")
    assert done.returncode == 2
    assert "--gpus must be 1 or more, got '0'" in done.stderr


def test_under_slurm_no_processes_are_started():
    done = launch("train", "no/such_config", "--gpus", "2", SLURM_PROCID="0")
    assert done.returncode == 2
    assert done.stderr.count("no config 'no/such_config'") == 1


@pytest.mark.slow
def test_two_processes_are_started_by_torchrun(tmp_path):
    done = launch("train", "no/such_config", "--gpus", "2", "--port", "29623")
    assert done.returncode != 0
    assert done.stderr.count("no config 'no/such_config'") == 2
