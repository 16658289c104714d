"""The launcher: usage, bad numbers, and one process per rank."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ovsam.datasets.feature_store import FeatureStore
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.weights import save_weights

REPOSITORY = Path(__file__).resolve().parents[1]


def launch(*arguments, **environment):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "tools/launch.sh", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("fly",), ("train",)])
def test_wrong_use_shows_the_usage(arguments):
    done = launch(*arguments)
    assert done.returncode == 2
    assert "tools/launch.sh train|test|cache_teacher CONFIG" in done.stderr


def test_option_without_a_value_is_named():
    done = launch("train", "mini/sam_vit", "--gpus")
    assert done.returncode == 2
    assert "error: --gpus needs a value" in done.stderr


@pytest.mark.parametrize("option", [("--gpus", "0"), ("--gpus=0",)])
def test_number_of_processes_must_be_positive(option):
    done = launch("train", "mini/sam_vit", *option)
    assert done.returncode == 2
    assert "--gpus must be 1 or more, got '0'" in done.stderr


def test_several_nodes_need_a_master():
    done = launch("train", "mini/sam_vit", "--nodes", "2")
    assert done.returncode == 2
    assert "--nodes 2 needs --master HOST" in done.stderr


def test_a_wrong_config_is_told_once_and_without_a_trace():
    done = launch("train", "mini/sam_vitt", "--gpus", "2")
    assert done.returncode == 2
    assert done.stderr.count("no config 'mini/sam_vitt'") == 1
    assert "did you mean mini/sam_vit" in done.stderr
    assert "Traceback" not in done.stderr


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
    arguments = (
        "train",
        "mini/sam_vit",
        "--gpus",
        "4",
        "--nodes",
        "2",
        "--seed",
        "1",
        "--port",
        "29411",
    )
    done = launch(*arguments, **cluster, **job, **step)
    assert done.returncode == 0
    started, first = done.stdout.splitlines()
    assert "--nodes 2 --ntasks 8 --ntasks-per-node 4" in started
    assert "--exclusive --mem=0" in started
    assert started.endswith("tools/train.py mini/sam_vit --seed 1 --launcher slurm")
    assert first == "first node3:29411"


def test_a_training_that_a_signal_stopped_is_put_back_into_the_queue(cluster, tmp_path):
    (tmp_path / "srun").write_text('#!/bin/sh\necho "srun $*"; touch "$OVSAM_REQUEUE_FILE"\n')
    (tmp_path / "scontrol").write_text('#!/bin/sh\necho "scontrol $*"\n')
    job = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1"}
    done = launch("train", "mini/sam_vit", "--seed", "1", **cluster, **job)
    assert done.returncode == 0
    started, requeued = done.stdout.splitlines()
    assert started.endswith("tools/train.py mini/sam_vit --seed 1 --resume --launcher slurm")
    assert requeued == "scontrol requeue 7"
    assert not (REPOSITORY / ".requeue_7").exists()


def test_a_failed_training_is_not_put_back(cluster, tmp_path):
    (tmp_path / "srun").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "scontrol").write_text('#!/bin/sh\necho "scontrol $*"\n')
    done = launch("train", "mini/sam_vit", **cluster, SLURM_JOB_ID="7")
    assert (done.returncode, done.stdout) == (3, "")


def test_srun_starts_the_caching_of_a_teacher(cluster):
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[3-4]"}
    done = launch(
        "cache_teacher", "mini/sam2clip_rn", "--gpus", "4", "--batch-size", "3", **cluster, **job
    )
    started, _ = done.stdout.splitlines()
    assert started.endswith("tools/cache_teacher.py mini/sam2clip_rn --batch-size 3 --launcher slurm")


def test_inside_an_srun_step_no_processes_are_started(cluster):
    step = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1"}
    done = launch("train", "no/such_config", "--gpus", "2", **cluster, **step)
    assert done.returncode == 2
    assert "srun" not in done.stdout
    assert done.stderr.count("no config 'no/such_config'") == 1


@pytest.mark.slow
def test_two_processes_are_started_by_torchrun(tmp_path):
    wrong = ("--cfg-options", "train_cfg.max_epoch=1")
    done = launch("train", "mini/sam_vit", *wrong, "--gpus", "2", "--port", "29623")
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 2
    assert all("max_epoch" in line for line in told)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_process_ends_the_whole_run_and_is_named(tmp_path):
    options = ["train_cfg.max_epochs=100000", "train_dataloader.num_workers=0"]
    work_dir = tmp_path / "run"
    given = ["--gpus", "2", "--port", "29625", "--work-dir", str(work_dir), "--cfg-options", *options]
    with (tmp_path / "told.txt").open("w") as told:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        run = subprocess.Popen(
            ["bash", "tools/launch.sh", "train", "mini/sam_vit", *given],
            cwd=REPOSITORY, env={**os.environ, "PATH": path}, stdout=told, stderr=told,
        )  # fmt: skip
        beat = work_dir / "heartbeat_1.json"
        while run.poll() is None and (not beat.exists() or '"training"' not in beat.read_text()):
            time.sleep(0.2)
        assert run.poll() is None, (tmp_path / "told.txt").read_text()
        killed = json.loads(beat.read_text())["process"]
        os.kill(killed, signal.SIGKILL)
        assert run.wait(60) != 0
    assert f"Signal 9 (SIGKILL) received by PID {killed}" in (tmp_path / "told.txt").read_text()


@pytest.mark.slow
def test_two_processes_write_one_feature_store(tmp_path):
    plan = ShapesPlan(seed=3, train=1, val=1, test=1, distill=6)
    write_shapes(tmp_path / "shapes", plan)
    torch.manual_seed(1)
    encoder = SamImageEncoder(architecture="mini")
    tensors = {f"image_encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    save_weights(tensors, tmp_path / "sam_vit" / "weights.safetensors", {})
    store = tmp_path / "store"
    options = [
        f"weights_root={tmp_path}",
        f"train_dataloader.dataset.data_root={tmp_path / 'shapes' / 'sa1b'}",
        f"train_dataloader.dataset.pipeline.3.store={store}",
    ]
    given = ["--workers", "0", "--images-per-shard", "2", "--cfg-options", *options]
    done = launch("cache_teacher", "mini/sam2clip_rn_cached", "--gpus", "2", "--port", "29624", *given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 images made") == 2
    assert done.stdout.count("complete") in (1, 2)  # both, where they end together
    found = FeatureStore(root=store)
    assert len(found) == 6
    assert len(found.shards) == 4  # 2 + 1 images of each process
