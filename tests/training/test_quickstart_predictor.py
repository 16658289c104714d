"""What the quickstart's weights do for a user. Skipped where `make quickstart` has not run.

OVSAM_QUICKSTART names its folder where that is not work_dirs/quickstart.
"""

import os
import statistics
import time
from pathlib import Path

import numpy as np
import pytest

from ovsam.automatic import EverythingSegmenter, GridSettings
from ovsam.datasets.shapes.world import draw_scene
from ovsam.predictor import Predictor

ROOT = Path(__file__).resolve().parents[2] / "work_dirs" / "quickstart"
SEED = 12345  # a world that no stage was trained on


@pytest.fixture(scope="module")
def predictor():
    try:
        return Predictor.from_pretrained(
            "quickstart", weights_root=os.environ.get("OVSAM_QUICKSTART", ROOT), device="cpu"
        )
    except FileNotFoundError as error:
        pytest.skip(str(error))


def best_overlaps(truth, found):
    """(n,) IoU of each true mask with the nearest of the found ones."""
    if not len(found):
        return np.zeros(len(truth))
    one, other = truth.reshape(len(truth), -1).astype(float), found.reshape(len(found), -1).astype(float)
    overlap = one @ other.T
    return (overlap / (one.sum(1)[:, None] + other.sum(1)[None] - overlap)).max(axis=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everything_finds_four_of_five_objects(predictor):
    segmenter = EverythingSegmenter(predictor, GridSettings(points_per_side=16))
    overlaps, num_masks = [], 0
    for index in range(50):
        scene = draw_scene(seed=SEED, split="test", index=index)
        found = segmenter(scene.image)
        num_masks += len(found)
        overlaps += best_overlaps(scene.masks, found.masks).tolist()
    recall = float(np.mean(np.array(overlaps) >= 0.5))
    print(
        f"recall at IoU 0.5: {100 * recall:.1f} % of {len(overlaps)} objects, {num_masks / 50:.1f} masks"
    )
    assert recall >= 0.8


@pytest.mark.slow
def test_a_second_click_is_quick(predictor):
    predictor.set_image(draw_scene(seed=SEED, split="test", index=0).image)
    took = []
    for x in range(20, 60):
        began = time.perf_counter()
        predictor.predict(points=[x, 50])
        took.append(time.perf_counter() - began)
    print(f"median click: {1000 * statistics.median(took):.1f} ms")
    assert statistics.median(took) < 0.1
