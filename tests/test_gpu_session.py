"""The session on a GPU, dry-run on a CPU: wrong use, every step, and what a cut run keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]


def session(*arguments, **environment):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "tools/gpu_session.sh", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--fly",), ("one", "two")])
def test_wrong_use_shows_the_usage(arguments):
    done = session(*arguments)
    assert done.returncode == 2
    assert "tools/gpu_session.sh FOLDER" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seconds", "0"), "--seconds must be 1 or more, got '0'"),
        (("--wheels", "nowhere"), "--wheels: no folder nowhere"),
        (("--wheels",), "--wheels needs a value"),
    ],
)
def test_bad_options_are_named(tmp_path, arguments, message):
    done = session(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (2, f"error: {message}\n")


@pytest.mark.seconds
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path):
    done = session(tmp_path)
    assert (done.returncode, done.stderr) == (
        2, "error: torch sees no GPU here; --dry-run tries the steps on a CPU\n",
    )  # fmt: skip


@pytest.mark.seconds
def test_steps_without_time_are_left_out_and_told(tmp_path):
    done = session(tmp_path, "--dry-run", "--seconds", "1")
    steps = (tmp_path / "steps.txt").read_text().splitlines()
    assert done.stdout.splitlines() == steps
    assert "encoder" in steps[0]
    assert steps[-1] == "quickstart: left out, no time"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_step_runs_on_a_cpu(tmp_path):
    done = session(tmp_path, "--dry-run", "--seconds", "1700")
    steps = (tmp_path / "steps.txt").read_text().splitlines()
    assert [line for line in steps if not line.endswith("exit code 0")] == []
    assert done.returncode == 0
    lines = (tmp_path / "stages.jsonl").read_text().splitlines()
    stages = [json.loads(line)["stage"] for line in lines]
    first = ["encoder", "image", "click", *["train"] * 3, *["profile"] * 2, "semantic", "encoder"]
    assert stages == [*first, "vocabulary", "evaluate", "cache_teacher"]
    runs = json.loads((tmp_path / "speed_gpu.json").read_text())["runs"]
    assert runs["sam2clip_cached_step_mini_cpu_float32"]["ours_s"] > 0
    assert {"click_mini_cpu", "evaluate_cpu", "cache_teacher_cpu", "vocabulary_RN50_cpu"} <= runs.keys()
    assert json.loads((tmp_path / "errors.json").read_text())["errors"]["float32"]
