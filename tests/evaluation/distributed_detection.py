"""One process of a two-process evaluation: `python FILE ANN_FILE RESULTS.json OUT.json`.

Every process takes every other image, as mmengine's sampler deals them out, padding included.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch.distributed

from ovsam.evaluation.detection import DetectionMetric


def results_of(truth: dict, rows: list[dict]) -> list[dict]:
    """What `DetectionMetric.process` keeps, per image by ascending id."""
    categories = [row["id"] for row in truth["categories"]]
    found = []
    for image in sorted(row["id"] for row in truth["images"]):
        own = [row for row in rows if row["image_id"] == image]
        labels = np.array([categories.index(row["category_id"]) for row in own], np.int64)
        found.append(
            dict(
                image_id=image,
                scores=np.array([row["score"] for row in own]),
                codes=[row["segmentation"] for row in own],
                answers={"labels": labels},
            )
        )
    return found


def evaluate(ann_file: Path, rows: list[dict], rank: int, processes: int) -> dict:
    """Metrics over all processes."""
    truth = json.loads(ann_file.read_text())
    results = results_of(truth, rows)
    results += results[: -len(results) % processes]  # the sampler's padding
    metric = DetectionMetric(ann_file=str(ann_file), labels="detector")
    categories = [row["id"] for row in truth["categories"]]
    metric.dataset_meta = dict(base=[0, 1, 2], novel=[3, 4], category_ids=categories)
    metric.results = results[rank::processes]
    return metric.evaluate(len(results))


if __name__ == "__main__":
    ann_file, results, out = map(Path, sys.argv[1:])
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    found = evaluate(ann_file, json.loads(results.read_text()), rank, 2)
    if rank == 0:
        out.write_text(json.dumps(found))
    torch.distributed.barrier()  # a process that leaves first would take the other's connection away
    torch.distributed.destroy_process_group()
