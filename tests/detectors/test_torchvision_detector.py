"""torchvision's detectors by name, without a download."""

from urllib.error import URLError

import numpy as np
import pytest
import torch

from ovsam.datasets.detections import labels_by_name, plain_name
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.detectors import torchvision_detector
from ovsam.detectors.torchvision_detector import TorchvisionDetector

NAME = "ssdlite320_mobilenet_v3_large"  # the smallest


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return TorchvisionDetector(name=NAME, weights="none")


def test_boxes_are_inside_the_image_and_best_first(detector):
    image = np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)
    detector.model.score_thresh = 0.0
    found = detector(image)
    assert found.boxes.shape == (len(found.scores), 4)
    assert len(found.scores) > 0
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [140, 90, 140, 90]).all()
    assert (np.diff(found.scores) <= 0).all()
    assert found.classes.max() < len(detector.class_names)


def test_names_are_cocos_at_cocos_category_ids(detector, shared):
    vocabulary = get_vocabulary("coco_48_17")
    ann_file = shared / "data" / "coco_mini" / "annotations" / "instances_val2017.json"
    labels = labels_by_name(vocabulary, ann_file)
    assert len(detector.class_names) == 91
    for category, label in vocabulary.label_of_category.items():
        assert labels[plain_name(detector.class_names[category])] == label


def test_weights_of_a_file_are_loaded_strictly(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision_detector, "get_model", lambda *_, **__: torch.nn.Linear(2, 3))
    state = torch.nn.Linear(2, 3).state_dict()
    torch.save(state, tmp_path / "all.pth")
    loaded = TorchvisionDetector(name=NAME, weights=tmp_path / "all.pth").model
    assert torch.equal(loaded.weight, state["weight"])
    assert not loaded.training
    torch.save({"weight": state["weight"]}, tmp_path / "some.pth")
    with pytest.raises(ValueError, match=r"some\.pth are not those of torchvision's ssdlite320"):
        TorchvisionDetector(name=NAME, weights=tmp_path / "some.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        TorchvisionDetector(name=NAME, weights=tmp_path / "none.pth")


def test_released_weights_are_checked_and_a_failed_download_says_what_to_do(monkeypatch):
    asked = {}

    def download(url, **options):
        asked.update(options, url=url)
        raise URLError("no route")

    monkeypatch.setattr(torchvision_detector, "get_model", lambda *_, **__: torch.nn.Linear(2, 3))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    with pytest.raises(OSError, match=r"ssdlite320.*no route.*--weights FILE"):
        TorchvisionDetector(name=NAME)
    assert asked["check_hash"] is True
    assert asked["weights_only"] is True


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"no detector 'yolo'; known: .*maskrcnn_resnet50_fpn"):
        TorchvisionDetector(name="yolo", weights="none")
