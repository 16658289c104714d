"""A stand-in for a model, through the real reader, Runner and metric, on real pictures."""

import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from PIL import Image

from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic
from ovsam.datasets.preparation.pascal import prepare_voc
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.engine.evaluation import evaluate_semantic
from ovsam.engine.pictures import PicturesHook
from ovsam.engine.runner import Runner
from ovsam.registry import MODELS


@MODELS.register_module(name="TestOneClass")
class OneClass(BaseModel):
    """Says one class everywhere."""

    def __init__(self, *, vocabulary: str, answer: str) -> None:
        super().__init__()
        self.vocabulary = get_vocabulary(vocabulary)
        self.answer = self.vocabulary.names.index(answer)

    def forward(self, inputs, data_samples, mode):
        for image, sample in zip(inputs, data_samples, strict=True):
            assert image.shape[1:] == sample.img_shape
            sample.pred_sem_seg = torch.full(sample.ori_shape, self.answer)
        return data_samples


def runner_of(root, spec, vocabulary, answer, work_dir, indices=None):
    config = Config.fromfile("configs/_base_/datasets/semseg.py")
    config.test_dataloader = config.semseg_val_loader
    config.test_dataloader.update(num_workers=0)
    config.test_dataloader.dataset.update(spec=spec, data_root=str(root), indices=indices)
    config.test_evaluator = config.semseg_evaluator
    config.test_cfg = dict()
    config.model = dict(type="TestOneClass", vocabulary=vocabulary, answer=answer)
    config.update(work_dir=str(work_dir), default_scope="mmengine")
    config.experiment_name = f"one_class_{spec}_{work_dir.parent.name}"
    return Runner.from_config(config), config


@pytest.fixture(scope="module")
def panoptic(shared, tmp_path_factory):
    source = shared / "data" / "coco_mini"
    root = tmp_path_factory.mktemp("coco")
    (root / "val2017").symlink_to(source / "images" / "val2017")
    prepare_coco_panoptic(source / "annotations", root, Options(any_number=True), splits=["val"])
    return root


def test_panoptic_maps_of_coco(panoptic, shared, tmp_path):
    runner, config = runner_of(
        panoptic, "coco_panoptic_val", "coco_panoptic_133", "person", tmp_path / "work", indices=9
    )
    runner.register_hook(PicturesHook(num=1, folder=tmp_path / "pictures"))
    found, report = evaluate_semantic(runner, config)
    content = json.loads((shared / "data/coco_mini/annotations/panoptic_val2017.json").read_text())
    areas = np.zeros(201, np.int64)
    for annotation in sorted(content["annotations"], key=lambda a: a["file_name"])[:9]:
        for segment in annotation["segments_info"]:
            areas[segment["category_id"]] += segment["area"]
    part = areas[1] / areas.sum()
    assert found["pixel_accuracy"] == pytest.approx(100 * part)
    assert found["miou"] == pytest.approx(100 * part / np.count_nonzero(areas))
    assert found["num_images"] == 9
    rows = report.to_dict()
    assert rows["classes"][0]["iou"] == pytest.approx(100 * part)
    assert rows["confusions"][0]["predicted"] == "person"
    assert (tmp_path / "pictures" / "00_000000000285.png").is_file()
    listed = json.loads((tmp_path / "pictures" / "pictures.json").read_text())
    assert "bear 0 %" in listed[0]["text"]


def test_voc_picture_with_a_background_of_39_prompts(shared, tmp_path):
    data = np.load(shared / "data" / "voc_sample" / "data.npz")
    values = np.zeros(data["masks"].shape[1:], np.uint8)
    for mask, label in zip(data["masks"], data["labels"], strict=True):
        values[mask] = label
    source = tmp_path / "VOC2012"
    for folder in ("SegmentationClass", "JPEGImages", "ImageSets/Segmentation"):
        (source / folder).mkdir(parents=True)
    shutil.copy(shared / "data" / "voc_sample" / "rgb.jpg", source / "JPEGImages" / "one.jpg")
    Image.fromarray(values).save(source / "SegmentationClass" / "one.png")
    (source / "ImageSets/Segmentation/val.txt").write_text("one\n")
    prepare_voc(None, tmp_path, Options(any_number=True))
    runner, config = runner_of(tmp_path, "pas20b", "voc_20b", "wall", tmp_path / "work")
    found, _ = evaluate_semantic(runner, config)
    part = (values == 0).mean()
    num_classes = len(np.unique(values))
    assert found["miou"] == pytest.approx(100 * part / num_classes)
    assert found["num_classes"] == num_classes
    assert found["num_seen"] == num_classes - 1  # background is neither seen nor unseen


def test_vocabulary_that_lacks_classes_stops_before_the_first_image(panoptic, tmp_path, monkeypatch):
    runner, config = runner_of(
        panoptic, "coco_panoptic_val", "coco_stuff_171", "person", tmp_path / "work"
    )
    monkeypatch.setattr(OneClass, "forward", lambda *given, **more: pytest.fail("an image was read"))
    with pytest.raises(ValueError, match=r"lacks \d+ of the 133 classes of COCO panoptic val: "):
        evaluate_semantic(runner, config)
