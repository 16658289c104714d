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


@pytest.fixture
def cluster(tmp_path):
    """A PATH with an srun that says what it was asked for, and a scontrol that knows two nodes."""
    for name, script in {
        "srun": 'echo "srun $*"; echo "first $MASTER_ADDR:$MASTER_PORT"',
        "scontrol": "printf 'node3\\nnode4\\n'",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("step", [{}, {"SLURM_STEP_ID": "4294967291", "SLURM_PROCID": "0"}])
def test_inside_a_slurm_job_srun_starts_all_processes(cluster, step):
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[3-4]", "SRUN_ARGS": "--exclusive --mem=0"}
    arguments = ("train", "ovsam/x", "--gpus", "4", "--nodes", "2", "--seed", "1", "--port", "29411")
    done = launch(*arguments, **cluster, **job, **step)
    assert done.returncode == 0
    started, first = done.stdout.splitlines()
    assert "--nodes 2 --ntasks 8 --ntasks-per-node 4" in started
    assert "--exclusive --mem=0" in started
    assert started.endswith("tools/train.py ovsam/x --seed 1 --launcher slurm")
    assert first == "first node3:29411"


def test_inside_an_srun_step_no_processes_are_started(cluster):
    step = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1"}
    done = launch("train", "no/such_config", "--gpus", "2", **cluster, **step)
    assert done.returncode == 2
    assert "srun" not in done.stdout
    assert done.stderr.count("no config 'no/such_config'") == 1


@pytest.mark.slow
def test_two_processes_are_started_by_torchrun(tmp_path):
    done = launch("train", "no/such_config", "--gpus", "2", "--port", "29623")
    assert done.returncode != 0
    assert done.stderr.count("no config 'no/such_config'") == 2
