"""Real photographs through training and test: the small model overfits the few it is given."""

import pytest

from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from tests.training.photographs import overfit


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_overfits_the_photographs_it_was_trained_on(shared, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shapes(tmp_path / "data/shapes", ShapesPlan(train=1000, val=10, test=1, distill=1))
    few = {"train_cfg.max_epochs": 4, "param_scheduler.1.T_max": 4}  # of 1,000 pictures
    for stage in ("clip_rn", "sam_vit"):
        command("train", f"mini/{stage}", tmp_path / stage, few)
    found = overfit(shared / "data" / "coco_mini", tmp_path / "photographs", weights_root=tmp_path)
    large = found["train"]["box"]
    assert large["num_base_16px"] > 50
    assert large["iou_base_16px"] >= 75
    assert found["val"]["box"]["num_novel"] == 11
