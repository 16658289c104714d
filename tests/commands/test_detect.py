"""`ovsam detect`: a result file that `ovsam test` and the reader take."""

import json

import cv2
import numpy as np
import pytest

from ovsam.cli import main
from ovsam.commands import detect
from ovsam.detectors.base import DetectedBoxes
from tests.datasets.conftest import content


class Detector:
    """Two boxes on every image: one of a known class, one of another."""

    class_names = ("Red_heart", "zeppelin")

    def __call__(self, image):
        height, width = image.shape[:2]
        boxes = np.array([[1, 2, width - 1, height - 2], [0, 0, 5, 4]], np.float32)
        return DetectedBoxes(boxes, np.array([0.75, 0.5], np.float32), np.array([0, 1]))


@pytest.fixture
def root(tmp_path):
    annotations = content() | {"categories": [{"id": 7, "name": "red heart"}]}
    (tmp_path / "ann.json").write_text(json.dumps(annotations))
    (tmp_path / "img").mkdir()
    for image in annotations["images"]:
        picture = np.zeros((image["height"], image["width"], 3), np.uint8)
        cv2.imwrite(str(tmp_path / "img" / image["file_name"]), picture)
    return tmp_path


def run(root, *arguments):
    options = [
        f"test_dataloader.dataset.data_root={root}",
        "test_dataloader.dataset.ann_file=ann.json",
        "test_dataloader.dataset.data_prefix.img=img",
    ]
    return main(["detect", "mini/ovsam_rn", *arguments, "--cfg-options", *options])


def test_every_image_is_detected_and_classes_are_mapped_by_name(root, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(detect, "build_detector", lambda *given: asked.append(given) or Detector())
    output = tmp_path / "new" / "boxes.json"
    assert run(root, "torchvision:any", "--output", str(output), "--score-floor", "0.6") == 0
    rows = json.loads(output.read_text())
    assert [row["image_id"] for row in rows] == [11, 12, 15, 17]
    assert rows[0] == dict(image_id=11, category_id=7, bbox=[1, 2, 28, 16], score=0.75)
    assert asked == [("torchvision:any", None, None)]
    assert "4 boxes on 4 images, 0 of them" in capsys.readouterr().out
    assert run(root, "torchvision:any", "--output", str(output)) == 0
    assert "8 boxes on 4 images, 4 of them of classes outside" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["yolo"], "detector must be torchvision:NAME or mmdet:CONFIG.py, got 'yolo'"),
        (["torchvision:yolo"], "torchvision has no detector 'yolo'"),
        (["mmdet:a.py"], "mmdet:a.py needs its checkpoint: --weights FILE.pth"),
    ],
)
def test_wrong_use_is_one_clear_line(root, arguments, message, tmp_path, capsys):
    assert run(root, *arguments, "--output", str(tmp_path / "boxes.json")) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_annotations_name_the_command(tmp_path, capsys):
    assert run(tmp_path, "torchvision:x", "--output", str(tmp_path / "boxes.json")) == 2
    assert "tools/prepare_data.py shapes" in capsys.readouterr().err
