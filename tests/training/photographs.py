"""Overfit a few real photographs and write what came out: the proof of `mini/ovsam_coco_mini`.

    python tests/training/photographs.py FOLDER --weights-root work_dirs/quickstart/seed_0

FOLDER has COCO's annotation files and the pictures in images/train2017 and images/val2017. Writes
configs/mini/photographs.json (metrics and provenance, no photograph); overlays stay in the work_dir.
"""

import argparse
import json
import time
from argparse import Namespace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ovsam.benchmark import provenance
from ovsam.benchmark.records import write_json
from ovsam.cli import configs_folder
from ovsam.commands import test as test_command
from ovsam.commands import train as train_command
from ovsam.datasets.coco_ov import CocoPromptDataset

CONFIG = "mini/ovsam_coco_mini"
INPUT_SIZE = 256
MIN_SIDE = 16  # px at input size: smaller objects are a few cells of the mask grid
PROMPTS = ("box", "center_point")


def data_of(root: Path, split: str) -> dict[str, Any]:
    """Where the photographs of a split lie, as arguments of the data set."""
    return dict(
        data_root=str(root),
        ann_file=f"annotations/instances_{split}2017.json",
        data_prefix=dict(img=f"images/{split}2017"),
    )


def overfit(root: Path, work_dir: Path, weights_root: Path, pictures: int = 0) -> dict[str, Any]:
    """Train on the photographs of the split `train`, test on it and on `val`.

    Args:
        root: folder of the photographs.
        work_dir: of the run; overlays come to `<work_dir>/<split>/pictures`.
        weights_root: holds the miniature's `clip_rn` and `sam_vit`.
        pictures: overlays per split and kind of prompts.

    Returns:
        split -> kind of prompts -> metrics, with `iou_base_16px` and `num_base_16px` beside the usual.
    """
    shared = dict(config=CONFIG, seed=0, launcher="none")
    options = {"weights_root": str(weights_root), **_options("train_dataloader", data_of(root, "train"))}
    flags = dict(resume=False, amp=False, auto_scale_lr=False)
    train_command.run(Namespace(**shared, work_dir=work_dir, cfg_options=options, **flags))
    found: dict[str, Any] = {}
    for split in ("train", "val"):
        place = work_dir / split
        options = _options("test_dataloader", data_of(root, split))
        flags = dict(split="test", pictures=pictures, no_complexity=True, prompts=list(PROMPTS))
        weights = str(work_dir / "weights.safetensors")
        test_command.run(
            Namespace(**shared, work_dir=place, cfg_options=options, weights=weights, **flags)
        )
        found[split] = {kind: _metrics(root, split, place, kind) for kind in PROMPTS}
    return found


def _options(loader: str, data: dict[str, Any]) -> dict[str, Any]:
    return {f"{loader}.dataset.{key}": value for key, value in data.items()}


def _metrics(root: Path, split: str, place: Path, kind: str) -> dict[str, Any]:
    metrics = json.loads((place / f"record_test_{kind}.json").read_text())["metrics"]
    rows = np.load(place / f"instances_test_{kind}.npz")
    data = CocoPromptDataset(
        vocabulary="coco_48_17", keep="evaluated", test_mode=True, **data_of(root, split)
    )
    sides = np.array(shorter_sides(data))
    assert len(sides) == len(rows["ious"])
    large = np.isin(rows["labels"], sorted(data.vocabulary.base)) & (sides >= MIN_SIDE)
    return {
        **metrics,
        "iou_base_16px": 100 * float(rows["ious"][large].mean()),
        "num_base_16px": int(large.sum()),
    }


def shorter_sides(data: CocoPromptDataset) -> list[float]:
    """Shorter side of every instance's box, px at input size, in the order of the data set."""
    sides = []
    for image in (data.get_data_info(index) for index in range(len(data))):
        scale = INPUT_SIZE / max(image["height"], image["width"])
        for instance in image["instances"]:
            x0, y0, x1, y1 = instance["bbox"]
            sides.append(scale * min(x1 - x0, y1 - y0))
    return sides


def main() -> None:
    """Run and write the results file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, metavar="FOLDER")
    parser.add_argument("--weights-root", type=Path, default=Path("work_dirs/quickstart/seed_0"))
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/photographs"))
    parser.add_argument("--output", type=Path, default=configs_folder() / "mini/photographs.json")
    args = parser.parse_args()
    started, clock = datetime.now(timezone.utc).isoformat(timespec="seconds"), time.monotonic()
    found = overfit(args.root, args.work_dir, args.weights_root, pictures=100)
    found["provenance"] = provenance.collect(started, time.monotonic() - clock)
    found["data_sha256"] = {
        split: provenance.file_sha256(args.root / data_of(args.root, split)["ann_file"])
        for split in ("train", "val")
    }
    found["weights_sha256"] = provenance.file_sha256(args.work_dir / "weights.safetensors")
    write_json(found, args.output)
    print(f"wrote {args.output}")


if __name__ == "__main__":
    main()
