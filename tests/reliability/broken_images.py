"""Proves that a training which leaves out broken images is the training without them, bit by bit.

    python tests/reliability/broken_images.py           # sentences
    python tests/reliability/broken_images.py --json    # {"images": n, "broken": n, "steps": n, ...}

Open-Vocabulary SAM of the miniature is trained on drawn pictures of which every twentieth is broken,
each in another way, as is an annotation of every twentieth other one, with `on_error="skip"`; then on
what remains when these are taken out, with `on_error="raise"`. Identical are the final weights and every
logged loss. It takes about a minute on one core.
"""

import json
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ovsam.arguments import train as train_arguments
from ovsam.commands import train as train_command
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes

EVERY = 20  # 5 %
FILE = "annotations/instances_train.json"
#: How a picture is broken: what becomes of its file.
WAYS: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "no picture": lambda path: path.write_bytes(b"<html>404</html>"),
    "another size": lambda path: cv2.imwrite(str(path), np.zeros((7, 5, 3), np.uint8)),
}


def broken_and_clean(folder: Path, images: int) -> tuple[Path, Path, int, int]:
    """Two data sets, one with broken images and annotations and one without, and how many of each."""
    roots = folder / "broken", folder / "clean"
    for root in roots:
        write_shapes(root, ShapesPlan(seed=3, train=images, val=1, test=1, distill=1))
    content = json.loads((roots[0] / FILE).read_text())
    taken = content["images"][::EVERY]
    for number, image in enumerate(taken):
        way = list(WAYS.values())[number % len(WAYS)]
        way(roots[0] / "images" / "train" / image["file_name"])
    lost = {image["id"] for image in taken}
    first = {a["image_id"]: a["id"] for a in reversed(content["annotations"])}
    spoilt = {first[image["id"]] for image in content["images"][1::EVERY]}
    kept = [a for a in content["annotations"] if a["image_id"] not in lost and a["id"] not in spoilt]
    images_left = [image for image in content["images"] if image["id"] not in lost]
    clean = {**content, "images": images_left, "annotations": kept}
    (roots[1] / FILE).write_text(json.dumps(clean))
    for annotation in content["annotations"]:
        if annotation["id"] in spoilt:
            annotation["segmentation"] = {**annotation["segmentation"], "counts": "0"}
    (roots[0] / FILE).write_text(json.dumps(content))
    return *roots, len(lost), len(spoilt)


def train(root: Path, work_dir: Path, on_error: str, *, epochs: int, **given: Any) -> None:
    """What `ovsam train mini/ovsam_rn` does on the data set at `root`."""
    parser = ArgumentParser()
    train_arguments.add_arguments(parser)
    options = {
        "train_dataloader.dataset.data_root": str(root),
        "train_dataloader.dataset.on_error": on_error,
        "train_cfg.max_epochs": epochs,
        "default_hooks.logger.interval": 1,
        "log_level": "ERROR",
        "initial_weights": None,
        "val_dataloader": None,
        "val_evaluator": None,
        "val_cfg": None,
    }
    fields = dict(config="mini/ovsam_rn", work_dir=work_dir, cfg_options=options, **given)
    train_command.run(Namespace(**{**vars(parser.parse_args(["mini/ovsam_rn"])), **fields}))


def losses(work_dir: Path) -> dict[int, float]:
    """Step -> loss that was logged."""
    found = {}
    for path in sorted(work_dir.glob("*/vis_data/scalars.json")):
        rows = (json.loads(line) for line in path.read_text().splitlines())
        found |= {row["step"]: row["loss"] for row in rows if "loss" in row}
    return found


def compare(one: Path, other: Path) -> dict[str, Any]:
    """Steps that were logged, and whether losses and weights are identical."""
    first, second = (load_file(work_dir / "weights.safetensors") for work_dir in (one, other))
    same = first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)
    curve = losses(one)
    return {"steps": len(curve), "losses": curve == losses(other), "weights": same}


def main() -> int:
    """Train twice and compare."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200, help="of the data set (default: 200)")
    parser.add_argument("--epochs", type=int, default=2, help="of each training (default: 2)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broken, clean, num_images, num_annotations = broken_and_clean(folder, args.images)
        train(broken, folder / "skip", "skip", epochs=args.epochs)
        train(clean, folder / "raise", "raise", epochs=args.epochs)
        found = compare(folder / "skip", folder / "raise")
    found = {"images": args.images, "broken": num_images, "annotations": num_annotations, **found}
    if args.json:
        print(json.dumps(found))
    else:
        print(
            f"{found['broken']} of {found['images']} images and {num_annotations} annotations broken,"
            f" {found['steps']} steps: losses {'identical' if found['losses'] else 'DIFFERENT'},"
            f" weights {'identical' if found['weights'] else 'DIFFERENT'}"
        )
    return 0 if found["losses"] and found["weights"] and found["steps"] else 1


if __name__ == "__main__":
    sys.exit(main())
