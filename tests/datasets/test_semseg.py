"""The reader of label maps: entries, errors, held-out classes, occlusion, real COCO pictures."""

import json
import logging

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from ovsam.datasets.label_maps import write_label_map
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic
from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.datasets.tree import DataTreeError
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.evaluation.semantic import SemanticMetric


@pytest.fixture
def voc(tmp_path):
    """PAS-20b's layout with two pictures of 4 x 6 px."""
    (tmp_path / "VOC2012/JPEGImages").mkdir(parents=True)
    for stem in ("b", "a"):
        cv2.imwrite(str(tmp_path / f"VOC2012/JPEGImages/{stem}.jpg"), np.zeros((4, 6, 3), np.uint8))
        write_label_map(tmp_path / f"voc20b/val/{stem}.png", np.full((4, 6), 20, np.uint8))
    return tmp_path


def test_entries_are_in_order_and_digest_covers_the_labels(voc):
    data = SemsegDataset(spec="pas20b", data_root=str(voc))
    assert [data.get_data_info(i)["img_id"] for i in range(len(data))] == ["a", "b"]
    before = data.labels_sha256()
    assert SemsegDataset(spec="pas20b", data_root=str(voc)).labels_sha256() == before
    write_label_map(voc / "voc20b/val/b.png", np.full((4, 6), 3, np.uint8))
    assert data.labels_sha256() != before


def test_metainfo_describes_prompts_and_evaluated_classes(voc):
    meta = SemsegDataset(spec="pas20b", data_root=str(voc)).metainfo
    assert len(meta["vocabulary"]["classes"]) == 59
    assert len(meta["semseg"]["class_names"]) == 21
    assert meta["semseg"]["background"] == 20


def test_a_part_of_the_split_is_a_warning(voc, monkeypatch):
    messages = []
    monkeypatch.setattr("ovsam.datasets.semseg.print_log", lambda *given: messages.append(given))
    SemsegDataset(spec="pas20b", data_root=str(voc))
    assert "2 label maps, PAS-20b has 1,449" in messages[0][0]
    assert messages[0][2] == logging.WARNING


def test_what_is_missing_is_named_with_its_command(voc, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"context59/val does not exist; run `.* pc59`"):
        SemsegDataset(spec="pc59", data_root=str(voc))
    (voc / "VOC2012/JPEGImages/a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 label maps in .*have no image .*a\.jpg"):
        SemsegDataset(spec="pas20b", data_root=str(voc))
    for path in (voc / "voc20b/val").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="holds no label map"):
        SemsegDataset(spec="pas20b", data_root=str(voc))


def test_occlusion_is_refused_where_it_is_unknown(voc):
    with pytest.raises(ValueError, match="PAS-20b knows no occlusion"):
        SemsegDataset(spec="pas20b", data_root=str(voc), with_occlusion=True)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "shapes"
    write_shapes(root, ShapesPlan(seed=1, train=8, val=2, test=9, distill=1))
    return root


def load(name, root, **changes):
    config = Config.fromfile("configs/_base_/datasets/shapes_semantic.py")[name].dataset
    config.update(data_root=str(root), **changes)
    config.pop("type")
    return SemsegDataset(**config)


def test_training_on_shapes_never_sees_a_held_out_pixel(shapes):
    vocabulary = get_vocabulary("shapes")
    kept, everything = (
        load("shapes_semantic_train_loader", shapes, keep=keep) for keep in ("base", "all")
    )
    found = set()
    for one, other in zip(kept, everything, strict=True):
        labels, before = one["data_samples"].gt_sem_seg, other["data_samples"].gt_sem_seg
        found |= set(labels.unique().tolist())
        changed = labels != before
        assert (labels[changed] == 255).all()
        assert vocabulary.base.isdisjoint(before[changed].tolist())
    assert found - {255} <= vocabulary.base
    assert found - {255}


def test_shapes_know_exactly_what_is_hidden(shapes):
    data = load("shapes_semantic_test_loader", shapes, keep="all")
    content = json.loads((shapes / "annotations/instances_test.json").read_text())
    for image, item in zip(content["images"], data, strict=True):
        sample = item["data_samples"]
        assert f"{image['id']:06}" == sample.img_id
        objects = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        visible = sample.gt_visible
        assert (visible.isnan() == (sample.gt_sem_seg == 255)).all()
        parts = sorted({round(a["visible_fraction"], 4) for a in objects})
        assert np.allclose(sorted(visible[~visible.isnan()].unique().tolist()), parts)
        for a in objects:
            part = np.float32(a["visible_fraction"])
            assert int((visible == part).sum()) >= a["area"]


def test_perfect_and_constant_predictions_of_shapes(shapes):
    data = load("shapes_semantic_test_loader", shapes)
    for is_perfect in (True, False):
        metric = SemanticMetric(region_sizes=(500, 900))
        metric.dataset_meta = data.metainfo
        for item in data:
            sample = item["data_samples"]
            perfect = sample.gt_sem_seg.clamp(max=79)
            sample.pred_sem_seg = perfect if is_perfect else torch.zeros_like(perfect)
            metric.process(None, [sample.to_dict()])
        found = metric.evaluate(len(data))
        if is_perfect:
            percent = {k: v for k, v in found.items() if "num_" not in k}
            assert set(percent.values()) == {100.0}
            assert {"semantic/miou_small", "semantic/miou_much_hidden"} <= set(percent)
            assert found["semantic/num_seen"] > found["semantic/num_unseen"] > 0
        else:
            assert found["semantic/miou"] < 10


def test_randomness_of_an_epoch_that_only_the_sampler_knows(shapes):
    data = load("shapes_semantic_train_loader", shapes)
    sampler = EvenSampler(data, seed=0)
    flips = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        flips.append([item["data_samples"].sample_seed for item in data])
    assert flips[0] == flips[2] != flips[1]


def test_real_panoptic_maps_of_coco(shared, tmp_path):
    """27 real pictures, from the archive's layout to samples, with the areas of the annotations."""
    source = shared / "data" / "coco_mini"
    (tmp_path / "val2017").symlink_to(source / "images" / "val2017")
    lines = prepare_coco_panoptic(
        source / "annotations", tmp_path, Options(any_number=True), splits=["val"]
    )
    assert "27 label maps" in lines[0]
    config = Config.fromfile("configs/_base_/datasets/semseg.py").semseg_val_loader.dataset
    data = SemsegDataset(
        spec="coco_panoptic_val", data_root=str(tmp_path), test_mode=True, pipeline=config.pipeline
    )
    content = json.loads((source / "annotations" / "panoptic_val2017.json").read_text())
    segments = {a["file_name"].removesuffix(".png"): a["segments_info"] for a in content["annotations"]}
    label_of = get_vocabulary("coco_panoptic_133").label_of_category
    for item in data:
        sample, counts = item["data_samples"], np.zeros(133, np.int64)
        for segment in segments[sample.img_id]:
            counts[label_of[segment["category_id"]]] += segment["area"]
        labels = sample.gt_sem_seg.numpy()
        assert (np.bincount(labels[labels != 255], minlength=133) == counts).all()
        assert min(item["inputs"].shape[1:]) == 640 or max(item["inputs"].shape[1:]) == 2560
        assert tuple(labels.shape) == sample.ori_shape


def test_panoptic_segment_that_is_not_listed(shared, tmp_path):
    source = shared / "data" / "coco_mini"
    (tmp_path / "val2017").symlink_to(source / "images" / "val2017")
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    (annotations / "panoptic_val2017").symlink_to(source / "annotations" / "panoptic_val2017")
    content = json.loads((source / "annotations" / "panoptic_val2017.json").read_text())
    content["annotations"] = content["annotations"][:1]
    gone = content["annotations"][0]["segments_info"].pop()["id"]
    (annotations / "panoptic_val2017.json").write_text(json.dumps(content))
    with pytest.raises(DataTreeError, match=rf"285\.png: segment {gone} is not in the JSON file"):
        prepare_coco_panoptic(None, tmp_path, Options(any_number=True), splits=["val"])
