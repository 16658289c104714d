"""What the quickstart's weights do for a user. Skipped where `make quickstart` has not run.

OVSAM_QUICKSTART names its folder where that is not work_dirs/quickstart.
"""

import os
import statistics
import time
from pathlib import Path

import pytest

from ovsam.datasets.shapes.world import draw_scene
from ovsam.evaluation.found_objects import FoundObjects, count_found
from ovsam.inference.everything import EverythingSegmenter, GridSettings
from ovsam.inference.predictor import Predictor

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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everything_finds_four_of_five_objects(predictor):
    segmenter = EverythingSegmenter(predictor, GridSettings(points_per_side=16))
    counts = FoundObjects()
    for index in range(50):
        scene = draw_scene(seed=SEED, split="test", index=index)
        counts += count_found(scene.masks, segmenter(scene.image).masks)
    print(f"{counts.recall:.1f} % of {counts.objects} objects found, {counts.masks / 50:.1f} masks each")
    assert counts.recall >= 80


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
