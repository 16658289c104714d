"""mmdet's detectors: refused without compiled operators, read rightly with them (a stand-in here)."""

import argparse
import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from ovsam.detectors.mmdet_detector import MmdetDetector


@pytest.fixture
def files(tmp_path):
    (tmp_path / "config.py").touch()
    meta = dict(dataset_meta=dict(classes=("cat", "dog")), args=argparse.Namespace(lr=0.1), epoch=12)
    content = dict(state_dict={"head.weight": torch.ones(2)}, meta=meta, optimizer=argparse.Namespace())
    torch.save(content, tmp_path / "weights.pth")
    return dict(config=tmp_path / "config.py", weights=tmp_path / "weights.pth")


def test_without_compiled_operators_the_reason_is_given(files, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"mmcv with compiled operators"):
        MmdetDetector(**files)


def test_missing_checkpoint_is_named(files, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"other\.pth"):
        MmdetDetector(config=files["config"], weights=tmp_path / "other.pth")


def test_image_goes_in_blue_first_and_boxes_come_out_best_first(files, monkeypatch):
    seen = []

    def infer(model, image):
        seen.append(image)
        boxes = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])
        found = SimpleNamespace(
            bboxes=boxes, scores=torch.tensor([0.2, 0.7]), labels=torch.tensor([1, 0])
        )
        return SimpleNamespace(pred_instances=found)

    apis = ModuleType("mmdet.apis")

    def init(config, weights, device):
        content = torch.load(weights, weights_only=True)  # nothing but tensors, numbers and text
        assert content["state_dict"]["head.weight"].tolist() == [1, 1]
        assert content["meta"]["epoch"] == 12
        return SimpleNamespace(dataset_meta=content["meta"]["dataset_meta"])

    apis.init_detector = init
    apis.inference_detector = infer
    package = ModuleType("mmdet")
    package.apis = apis
    monkeypatch.setitem(sys.modules, "mmdet", package)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    detector = MmdetDetector(**files)
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    found = detector(image)
    assert detector.class_names == ("cat", "dog")
    np.testing.assert_array_equal(seen[0][0, 0], [2, 1, 0])
    np.testing.assert_allclose(found.scores, [0.7, 0.2])
    assert found.boxes[0].tolist() == [5, 6, 7, 8]
    assert found.classes.tolist() == [0, 1]
