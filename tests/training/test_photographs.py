"""Real photographs through training and test: the small model overfits the few it is given."""

import numpy as np
import pytest

from ovsam.datasets.coco_ov import CocoPromptDataset

MIN_SIDE = 16  # px at input size: smaller objects are a few cells of the mask grid


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_overfits_the_photographs_it_was_trained_on(shared, tmp_path, command):
    root = str(shared / "data" / "coco_mini")
    train = {"data_root": root, "ann_file": "annotations/instances_train2017.json"}
    train["data_prefix"] = dict(img="images/train2017")
    options = {f"train_dataloader.dataset.{key}": value for key, value in train.items()}
    command("train", "mini/ovsam_coco_mini", tmp_path, options)
    options = {f"test_dataloader.dataset.{key}": value for key, value in train.items()}
    command(
        "test", "mini/ovsam_coco_mini", tmp_path, options, weights=str(tmp_path / "weights.safetensors")
    )
    rows = np.load(tmp_path / "instances_test_box.npz")
    data = CocoPromptDataset(vocabulary="coco_48_17", keep="evaluated", test_mode=True, **train)
    sides = []
    for image in (data.get_data_info(index) for index in range(len(data))):
        scale = 256 / max(image["height"], image["width"])
        for instance in image["instances"]:
            x0, y0, x1, y1 = instance["bbox"]
            sides.append(scale * min(x1 - x0, y1 - y0))
    assert len(sides) == len(rows["ious"])
    is_base = np.isin(rows["labels"], sorted(data.vocabulary.base))
    large = is_base & (np.array(sides) >= MIN_SIDE)
    assert large.sum() > 50
    assert rows["ious"][large].mean() >= 0.75
