"""The full-size configs read the trees that the preparation leaves."""

from pathlib import Path

import pytest
from mmengine.config import Config

from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.lvis import prepare_lvis
from ovsam.datasets.preparation.sa1b import prepare_sa1b
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.datasets.transforms.geometry import RandomResizeCrop
from ovsam.registry import DATASETS

CONFIGS = Path(__file__).resolve().parents[3] / "configs" / "_base_" / "datasets"


def build(config, name, root):
    found = Config.fromfile(CONFIGS / f"{config}.py")[name]
    data_root = found["data_root"]
    assert data_root == "data" or data_root.startswith("data/")
    return DATASETS.build({**found, "data_root": str(root / data_root.removeprefix("data").lstrip("/"))})


def prepared(lvis_root):
    prepare_lvis(lvis_root, Options(), lvis_root.with_name("coco"), ["train", "val"])
    return lvis_root.parent


@pytest.mark.parametrize(("config", "num_base"), [("coco_4817", 3), ("lvis", 4)])
def test_training_gives_21_boxes_and_19_points_on_base_classes(lvis_root, config, num_base):
    found = build(config, f"{config.split('_')[0]}_train_base", prepared(lvis_root))
    labels = set()
    for index in range(len(found)):
        sample = found[index]["data_samples"]
        assert sample.prompts.has_box().tolist() == [True] * 21 + [False] * 19
        labels |= set(sample.gt_instances.labels.tolist())
    assert labels == set(sorted(found.vocabulary.base)[:num_base])


def test_lvis_is_resized_to_a_tenth_and_to_twice_the_window(lvis_root):
    found = build("lvis", "lvis_train_base", prepared(lvis_root))
    scales = []
    for epoch in range(12):
        found.set_epoch(epoch)
        scales += [
            found[index]["data_samples"].scale_factor[0] * 30 / 1024 for index in range(len(found))
        ]
    assert 0.1 <= min(scales) < 0.6
    assert 1.4 < max(scales) <= 2.0


def test_of_more_than_40_instances_all_have_their_turn(lvis_root, change):
    """The reference takes the first 40 of an image; here every one is drawn in some epoch."""
    sizes = {(w, h) for w in range(1, 31) for h in (10, 20)}

    def crowd(content):
        row = next(r for r in content["annotations"] if r["image_id"] == 1)
        category = content["categories"][2]["id"]
        content["annotations"] = [
            {
                **row,
                "id": number,
                "category_id": category,
                "bbox": [0, 0, w, h],
                "segmentation": [[0, 0, w, 0, w, h, 0, h]],
            }
            for number, (w, h) in enumerate(sorted(sizes), start=1)
        ]

    change(lvis_root / "annotations" / "lvis_v1_train.json", crowd)
    found = build("lvis", "lvis_train_base", prepared(lvis_root))
    steps = found.pipeline.transforms  # without the crop the boxes tell which instances were drawn
    found.pipeline.transforms = [step for step in steps if not isinstance(step, RandomResizeCrop)]
    assert len(found) == 1
    drawn = set()
    for epoch in range(12):
        found.set_epoch(epoch)
        boxes = found[0]["data_samples"].gt_instances.bboxes
        assert len(boxes) == 40
        drawn |= {(int(x1 - x0), int(y1 - y0)) for x0, y0, x1, y1 in boxes.tolist()}
    assert drawn == sizes


def test_lvis_is_tested_on_all_classes_with_masks_of_the_original_size(lvis_root):
    found = build("lvis", "lvis_val", prepared(lvis_root))
    assert len(found) == 2
    samples = [found[index]["data_samples"] for index in range(2)]
    assert {sample.img_path.split("/")[-2] for sample in samples} == {"train2017", "val2017"}
    labels = {label for sample in samples for label in sample.gt_instances.labels.tolist()}
    assert labels & found.vocabulary.novel
    assert labels & found.vocabulary.base
    for sample in samples:
        assert sample.gt_instances.original_masks.shape[1:] == (20, 30)
        assert sample.img_shape == (683, 1024)


def test_sa1b_gives_whole_pictures_of_the_index(tmp_path):
    write_shapes(tmp_path / "shapes", ShapesPlan(size=32, train=1, val=1, test=1, distill=3))
    (tmp_path / "shapes" / "sa1b").rename(tmp_path / "sa1b")
    with pytest.raises(
        FileNotFoundError, match=r"subset\.json does not exist; run .*prepare_data.py sa1b`"
    ):
        build("sa1b", "sa1b_train", tmp_path)
    prepare_sa1b(tmp_path / "sa1b", Options())
    found = build("sa1b", "sa1b_train", tmp_path)
    assert len(found) == 3
    item = found[0]
    assert item["inputs"].shape == (3, 1024, 1024)
    assert "prompts" not in item["data_samples"]
    assert Config.fromfile(CONFIGS / "sa1b.py").sa1b_train_loader.batch_size == 2
