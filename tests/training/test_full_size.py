"""The full-size model with random weights through `tools/test.py`, on real photographs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MINUTES = 15
GIGABYTES = 8
#: Runs a command and prints what its largest process held, in KiB.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 60)
@pytest.mark.parametrize("prompts", ["box", "center_point"])
def test_runs_on_photographs_in_bounded_time_and_memory(shared, tmp_path, prompts):
    root = shared / "data" / "coco_mini"
    command = [
        *("tools/test.py", "ovsam/ovsam_rn50x16_coco48_12e", "none"),
        *("--prompts", prompts, "--no-complexity", "--work-dir", str(tmp_path), "--cfg-options"),
        f"test_dataloader.dataset.data_root={root}",
        "test_dataloader.dataset.data_prefix.img=images/val2017",
        "test_dataloader.num_workers=0",
    ]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, sys.executable, *command],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert time.monotonic() - began < MINUTES * 60
    peak = int(done.stdout.rpartition("peak ")[2])
    assert peak * 1024 < GIGABYTES * 1e9
    metrics = json.loads((tmp_path / f"record_test_{prompts}.json").read_text())["metrics"]
    assert metrics["num_images"] == 27
    assert metrics["num_base"] > 0
    assert metrics["num_novel"] > 0
    assert 0 <= metrics["iou"] <= 100
