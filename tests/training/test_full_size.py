"""The full-size model with random weights through `tools/test.py`, on real photographs."""

import json

import pytest

from tests.training.full_size import ANNOTATIONS, LIMIT_SECONDS, PROMPTS, measure, write_detections

pytestmark = pytest.mark.seconds

GIGABYTES = 8


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_SECONDS + 60)
@pytest.mark.parametrize("prompts", PROMPTS)
def test_runs_on_photographs_in_bounded_time_and_memory(shared, tmp_path, prompts):
    root = shared / "data" / "coco_mini"
    found = measure(root, tmp_path, prompts)
    assert found["exit_code"] == 0, (tmp_path / "log").read_text()[-2000:]
    assert found["seconds"] < LIMIT_SECONDS
    assert found["peak_gb"] < GIGABYTES
    metrics = found["metrics"]
    assert metrics["num_images"] == 27
    if prompts == "detection":
        truth = json.loads((root / ANNOTATIONS).read_text())
        assert metrics["num_detections"] == len(truth["annotations"])
        assert metrics["num_classes"] > 20
        assert metrics["ap_novel_constrained"] is not None
    else:
        assert metrics["num_base"] > 0
        assert metrics["num_novel"] > 0
        assert 0 <= metrics["iou"] <= 100


def test_a_run_that_fails_says_so(tmp_path):
    (tmp_path / "annotations").mkdir()
    found = measure(tmp_path, tmp_path / "run", "box")
    assert found["exit_code"] != 0
    assert found["metrics"] is None
    assert "instances_val2017.json" in (tmp_path / "run" / "log").read_text()


def test_annotated_boxes_become_a_result_file(tmp_path):
    (tmp_path / "annotations").mkdir()
    rows = [{"id": 7, "image_id": i, "category_id": 3, "bbox": [1, 2, 3, i], "area": 1} for i in (5, 9)]
    (tmp_path / ANNOTATIONS).write_text(json.dumps({"annotations": rows}))
    written = json.loads(write_detections(tmp_path, tmp_path / "boxes.json").read_text())
    assert written == [
        {"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 5], "score": 1.0},
        {"image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 9], "score": 0.5},
    ]
