"""Overfit a few real photographs at 512 px and write what came out: teacher, distilled neck, CLIP2SAM.

    python tests/training/photographs.py FOLDER --weights-root work_dirs/quickstart/seed_0

FOLDER has COCO's annotation files and the pictures in images/train2017 and images/val2017; the weights
root takes the four stages. If interrupted, run the
same command again. Writes configs/mini/photographs.json (metrics and provenance, no photograph);
overlays stay below the weights root.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.cli import configs_folder
from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.files import sha256_of
from ovsam.workflows.runs import TEST_FILES, TRAINING_FILES
from ovsam.workflows.scheduling import lock_folder, run_stages
from ovsam.workflows.sources import PACKAGE, fingerprint
from ovsam.workflows.stages import Stage

TEACHER, NECK, MODEL = "sam_vit_photographs", "sam2clip_photographs", "ovsam_photographs"
NECK_LEARNS_ON = "ovsam_photographs_neck"
#: Config -> the one whose training comes before.
TRAININGS = {TEACHER: None, NECK: TEACHER, MODEL: NECK, NECK_LEARNS_ON: MODEL}
#: (config, split) -> name in the results file.
TESTS = {
    (MODEL, "train"): "train",
    (NECK_LEARNS_ON, "train"): "neck_learns_on_train",
    (TEACHER, "train"): "teacher_train",
    (MODEL, "val"): "val",
    (NECK_LEARNS_ON, "val"): "neck_learns_on_val",
}
INPUT_SIZE = 512
MIN_SIDE = 16  # px at input size: smaller objects are a few cells of the mask grid
PROMPTS = ("box",)
NUM_PICTURES = 30


def data_of(root: Path, split: str) -> dict[str, Any]:
    """Where the photographs of a split lie, as arguments of the data set."""
    return dict(
        data_root=str(root),
        ann_file=f"annotations/instances_{split}2017.json",
        data_prefix=dict(img=f"images/{split}2017"),
    )


def data_options(loader: str, root: Path, split: str) -> dict[str, str]:
    """The same as options of a config."""
    data = data_of(root, split)
    flat = {**data, "data_prefix.img": data.pop("data_prefix")["img"]}
    return {f"{loader}.dataset.{key}": flat[key] for key in (*data, "data_prefix.img")}


def plan(root: Path, weights_root: Path, options: tuple[str, ...] = ()) -> list[Stage]:
    """The trainings on the split `train`, and their tests.

    Args:
        root: folder of the photographs.
        weights_root: holds the miniature's `clip_rn` and `sam_vit`; a stage's folder is below it.
        options: `KEY=VALUE` for every training.
    """
    stages: list[Stage] = []
    for config, before in TRAININGS.items():
        work_dir = weights_root / config
        stages.append(
            Stage(
                name=f"train {config}",
                command=(
                    *_command("train", config, work_dir, weights_root),
                    *_pairs(data_options("train_dataloader", root, "train")),
                    *options,
                ),
                work_dir=work_dir,
                needs=(f"train {before}",) if before else (),
                outputs=(work_dir / "weights.safetensors",),
                resume=("--resume",),
                clear=TRAINING_FILES,
                fingerprint=_fingerprint("train", config),
            )
        )
    for config, split in TESTS:
        work_dir = weights_root / config / split
        stages.append(
            Stage(
                name=f"test {config} {split}",
                command=(
                    *_command("test", config, work_dir, weights_root),
                    *_pairs(data_options("test_dataloader", root, split)),
                    *("--no-complexity", "--prompts", *PROMPTS, "--pictures", str(NUM_PICTURES)),
                ),
                work_dir=work_dir,
                needs=(f"train {config}",),
                outputs=tuple(work_dir / f"record_test_{kind}.json" for kind in PROMPTS),
                clear=TEST_FILES,
                fingerprint=_fingerprint("test", config),
            )
        )
    return stages


def overfit(root: Path, weights_root: Path, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the plan and read what it left.

    Args: see `plan`.

    Returns:
        Name of a test -> kind of prompts -> metrics, with `iou_base_16px` and
        `num_base_16px` beside the usual; `seconds` -> name of a stage -> seconds.
    """
    with lock_folder(weights_root):
        seconds = run_stages(plan(root, weights_root, options), slots=2)
    found: dict[str, Any] = {}
    for (config, split), name in TESTS.items():
        place = weights_root / config / split
        found[name] = {kind: _metrics(root, split, place, kind) for kind in PROMPTS}
    found["seconds"] = {name: round(value, 1) for name, value in seconds.items()}
    return found


def _command(name: str, config: str, work_dir: Path, weights_root: Path) -> tuple[str, ...]:
    """A command up to and with its first option of the config."""
    places = (
        "--work-dir",
        str(work_dir),
        "--seed",
        "0",
        "--cfg-options",
        f"weights_root={weights_root}",
    )
    return (sys.executable, "-m", "ovsam", name, f"mini/{config}", *places)


def _pairs(options: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in options.items())


def _fingerprint(command: str, config: str) -> str:
    return fingerprint(PACKAGE / f"commands/{command}.py", configs_folder() / f"mini/{config}.py")


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
    parser.add_argument("--output", type=Path, default=configs_folder() / "mini/photographs.json")
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="of every training, for trials"
    )
    args = parser.parse_args()
    measurement = provenance.Measurement()
    found = overfit(args.root, args.weights_root, tuple(args.cfg_options))
    found["provenance"] = measurement.origin()
    if args.cfg_options:
        found["provenance"]["dirty"] = True  # a trial: no commit tells what was trained
    found["data_sha256"] = {
        split: sha256_of(args.root / data_of(args.root, split)["ann_file"]) for split in ("train", "val")
    }
    found["weights_sha256"] = {
        config: sha256_of(args.weights_root / config / "weights.safetensors")
        for config in ("clip_rn", "sam_vit", *TRAININGS)
    }
    write_signed(found, args.output)
    print(f"wrote {args.output}")


if __name__ == "__main__":
    main()
