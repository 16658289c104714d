"""Stage `metrics`: what evaluation computes on the CPU, beside the usual libraries."""

import argparse
import contextlib
import importlib
import importlib.util
import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy import ndimage

from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.results import report
from ovsam.commands.benchmark.turns import Work, in_turn
from ovsam.evaluation.average_precision import ApEvaluator
from ovsam.ops.masks import paired_iou
from ovsam.ops.points import centre_point

NUM_MASKS = 20
CLASSES, OBJECTS = 80, 7  # of the annotation file, and in every image: as COCO has
NUM_RESULTS = 30  # in every image


def run(args: argparse.Namespace) -> None:
    """Measure and report; errors are the largest absolute differences."""
    measurement = Measurement()
    masks, others = _discs(args.side, 0), _discs(args.side, 1)
    kornia = _kornia(masks[0])
    truth, results = _annotations(args.images, np.random.default_rng(0))
    sides: dict[str, tuple[Work, Work, str]] = {
        "centre_points": (
            lambda: centre_point(masks[0]),
            kornia or (lambda: _farthest(masks[0])),
            "kornia" if kornia else "scipy's exact transform",
        ),
        "paired_iou": (
            lambda: paired_iou(masks, others),
            lambda: _torch_iou(torch.from_numpy(masks), torch.from_numpy(others)).numpy(),
            "torch, bool and, or, sum",
        ),
        "average_precision": (
            lambda: ApEvaluator(truth, iou_type="bbox").evaluate(results).ap(),
            lambda: _pycocotools_ap(truth, results),
            "pycocotools",
        ),
    }
    content: dict[str, Any] = {"device": "cpu", "side": args.side, "images": args.images}
    for name, (ours, peer, label) in sides.items():
        error = float(np.abs(np.subtract(ours(), peer())).max())
        content[name] = {"peer": label, **in_turn(ours, peer, "cpu", args), "error": error}
    report(content, measurement, args, args.stage, "cpu")


def _discs(side: int, seed: int) -> NDArray[np.bool_]:
    """(NUM_MASKS, side, side): discs whose middles and radii differ."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:side, :side]
    places = rng.uniform(0.3, 0.7, (NUM_MASKS, 2)) * side
    radii = rng.uniform(0.05, 0.25, NUM_MASKS) * side
    return np.stack(
        [
            (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            for (y, x), radius in zip(places, radii, strict=True)
        ]
    )


def _farthest(mask: NDArray[np.bool_]) -> tuple[int, int]:
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(column), int(row)


def _kornia(mask: NDArray[np.bool_]) -> Work | None:
    """The centre by kornia's transform, which the reference uses; None where it is not installed."""
    if importlib.util.find_spec("kornia") is None:
        return None
    transform = importlib.import_module("kornia.contrib").distance_transform
    outside = torch.from_numpy(~mask).float()[None, None]

    def find() -> tuple[int, int]:
        place = int(transform(outside).argmax())
        return place % mask.shape[1], place // mask.shape[1]

    return find


def _torch_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    intersection = (first & second).flatten(1).sum(dim=1)
    return intersection.double() / (first | second).flatten(1).sum(dim=1)


def _annotations(
    num_images: int, rng: np.random.Generator
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A random annotation file with boxes, and results of which half are near the truth."""
    truth: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, num_images + 1):
        corners, sizes = rng.uniform(0, 400, (OBJECTS, 2)), rng.uniform(10, 200, (OBJECTS, 2))
        boxes = np.concatenate([corners, sizes], axis=1)
        classes = rng.integers(1, CLASSES + 1, OBJECTS)
        for box, label in zip(boxes, classes, strict=True):
            truth.append(
                {"id": len(truth) + 1, "image_id": image, "category_id": int(label),
                 "bbox": box.tolist(), "area": float(box[2] * box[3]), "iscrowd": 0}
            )  # fmt: skip
        for _ in range(NUM_RESULTS):
            near = rng.integers(OBJECTS)
            label = classes[near] if rng.random() < 0.5 else rng.integers(1, CLASSES + 1)
            moved = boxes[near] + rng.uniform(-15, 15, 4)
            results.append(
                {"image_id": image, "category_id": int(label),
                 "bbox": np.maximum(moved, 1).tolist(), "score": float(rng.random())}
            )  # fmt: skip
    content = {
        "images": [{"id": i, "width": 640, "height": 640} for i in range(1, num_images + 1)],
        "categories": [{"id": i, "name": f"class {i}"} for i in range(1, CLASSES + 1)],
        "annotations": truth,
    }
    return content, results


def _pycocotools_ap(truth: dict[str, Any], results: list[dict[str, Any]]) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = truth
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes([dict(row) for row in results]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])
