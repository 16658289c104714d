"""The full-size model with random weights on boxes of a result file, on real photographs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ovsam.benchmark import records

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
def test_result_file_runs_in_bounded_time_and_memory(shared, tmp_path):
    root = shared / "data" / "coco_mini"
    truth = json.loads((root / "annotations" / "instances_val2017.json").read_text())
    rows = [
        {key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": 1 / (1 + place)}
        for place, row in enumerate(truth["annotations"])
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    command = [
        *("tools/test.py", "ovsam/ovsam_rn50x16_coco48_12e", "none", "--no-complexity"),
        *("--prompts", "detection", "--detections", str(tmp_path / "boxes.json")),
        *("--work-dir", str(tmp_path), "--cfg-options"),
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
    assert int(done.stdout.rpartition("peak ")[2]) * 1024 < GIGABYTES * 1e9
    metrics = records.read(tmp_path / "record_test_detection_boxes_method.json").metrics
    assert metrics["num_images"] == len(truth["images"]) == 27
    assert metrics["num_detections"] == len(rows)
    assert metrics["num_classes"] > 20
    assert metrics["ap_novel_constrained"] is not None
