"""Run the full-size model with random weights over real photographs: how long, how much memory.

    python tests/training/full_size.py FOLDER

FOLDER has COCO's annotation files and the pictures in images/val2017. Tests
`ovsam/ovsam_rn50x16_coco48_12e` with boxes, with centre points and with the boxes of a result file and
writes configs/ovsam/full_size_cpu.json (times, memory, counts, provenance): what one passes through the
model costs. The masks themselves mean nothing, as nothing was trained.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.cli import configs_folder
from ovsam.files import sha256_of

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = "ovsam/ovsam_rn50x16_coco48_12e"
PROMPTS = ("box", "center_point", "detection")
ANNOTATIONS = "annotations/instances_val2017.json"
THREADS = 2
LIMIT_SECONDS = 15 * 60
SHOWN_CHARACTERS = 2000


def measure(
    root: Path,
    work_dir: Path,
    prompts: str,
    options: tuple[str, ...] = (),
    limit_seconds: float = LIMIT_SECONDS,
) -> dict[str, Any]:
    """One run of `tools/test.py` in a process of its own.

    Args:
        root: folder of the photographs.
        work_dir: of the run; its record and its output `log` stay there.
        prompts: one of `PROMPTS`; `detection` takes the annotated boxes as a detector's result file.
        options: further `KEY=VALUE`.
        limit_seconds: after which it is killed.

    Returns:
        `seconds` (wall clock), `cpu_seconds` (of all its threads), `peak_gb` (resident, 1e9 bytes),
        `exit_code`, `num_prompts` and `metrics` of its record (None where it failed).
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "tools/test.py", CONFIG, "none", "--no-complexity", "--prompts", prompts]
    if prompts == "detection":
        command += ["--detections", str(write_detections(root, work_dir / "boxes.json"))]
    command += ["--work-dir", str(work_dir), "--cfg-options", *data_options(root), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "MKL_NUM_THREADS": str(THREADS)}
    began = time.monotonic()
    with open(work_dir / "log", "w") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        killer = threading.Timer(limit_seconds, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)  # the usage of this very process
        killer.cancel()
    records = list(work_dir.glob("record_test_*.json"))
    metrics = json.loads(records[0].read_text())["metrics"] if records else None
    return {
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_gb": usage.ru_maxrss * 1024 / 1e9,  # Linux counts in KiB
        "exit_code": os.waitstatus_to_exitcode(status),
        "num_prompts": None if metrics is None else num_prompts(metrics),
        "metrics": metrics,
    }


def data_options(root: Path) -> tuple[str, ...]:
    """Where the photographs lie, read without workers, whose memory would not be counted."""
    dataset = "test_dataloader.dataset"
    images = f"{dataset}.data_prefix.img=images/val2017"
    return f"{dataset}.data_root={root}", images, "test_dataloader.num_workers=0"


def num_prompts(metrics: Mapping[str, Any]) -> int:
    """Prompts of a whole run."""
    if "num_detections" in metrics:
        return metrics["num_detections"]
    return metrics["num_base"] + metrics["num_novel"]


def write_detections(root: Path, path: Path) -> Path:
    """The annotated boxes as a result file of COCO's format, scores falling."""
    annotations = json.loads((root / ANNOTATIONS).read_text())["annotations"]
    kept = ("image_id", "category_id", "bbox")
    rows = [
        {**{key: row[key] for key in kept}, "score": 1 / (1 + place)}
        for place, row in enumerate(annotations)
    ]
    path.write_text(json.dumps(rows))
    return path


def main() -> int:
    """Measure all kinds of prompts and write the results file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=configs_folder() / "ovsam/full_size_cpu.json")
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="further ones, for trials"
    )
    parser.add_argument(
        "--limit", type=float, default=LIMIT_SECONDS, metavar="SECONDS", help="of a run (%(default)s)"
    )
    args = parser.parse_args()
    root = args.root.resolve()
    measurement = provenance.Measurement()
    found: dict[str, Any] = {
        "config": CONFIG,
        "options": args.cfg_options,
        "load_before": os.getloadavg(),
    }
    for prompts in PROMPTS:
        with tempfile.TemporaryDirectory() as folder:
            run = measure(root, Path(folder), prompts, tuple(args.cfg_options), args.limit)
            if run["exit_code"]:
                print((Path(folder) / "log").read_text()[-SHOWN_CHARACTERS:], file=sys.stderr)
                print(f"{prompts}: ended with {run['exit_code']} ({run['seconds']} s)", file=sys.stderr)
                return 1
        print(f"{prompts}: {run['seconds']} s, {run['cpu_seconds']} CPU s, {run['peak_gb']:.2f} GB")
        found[prompts] = run
    found["provenance"] = {**measurement.origin(), "threads": THREADS}
    found["data_sha256"] = sha256_of(root / ANNOTATIONS)
    write_signed(found, args.output)
    print(f"wrote {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
