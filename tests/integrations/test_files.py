import csv
import io
import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ovsam.integrations.files import coco_json, csv_text
from ovsam.structures.prediction import Prediction


def make(names=("=cat", 'dog, "big"\n🦄'), size=(5, 7), labels=(1, 0)):
    masks = np.zeros((2, *size), bool)
    masks[0, :4, :6] = True
    masks[1, 1:3, 1:3] = True
    return Prediction(
        masks=masks,
        boxes=np.array([[0, 0, 6, 4], [1, 1, 3, 3]], np.float32),
        prompt_index=np.array([0, 1]),
        stability=np.array([0.5, 0.9], np.float32),
        mask_logits=np.zeros((2, 2, 2), np.float32),
        class_names=names,
        labels=None if labels is None else np.array(labels),
        scores=None if labels is None else np.array([0.6, 0.7], np.float32),
        top=() if labels is None else tuple(((names[label], 0.6),) for label in labels),
    )


def test_coco_tools_read_it_back(tmp_path):
    content = coco_json({"a.png": make(), "b/c.png": make(size=(9, 8))}, {"model": "m"})
    path = tmp_path / "p.json"
    path.write_text(json.dumps(content))
    coco = COCO(str(path))
    assert [image["file_name"] for image in coco.imgs.values()] == ["a.png", "b/c.png"]
    assert [category["name"] for category in coco.cats.values()] == ["=cat", 'dog, "big"\n🦄']
    for image_id, size in ((1, (5, 7)), (2, (9, 8))):
        rows = coco.imgToAnns[image_id]
        np.testing.assert_array_equal(
            [coco.annToMask(row) for row in rows], make(size=size).masks.astype(np.uint8)
        )
        assert [row["category_id"] for row in rows] == [2, 1]
        assert [row["bbox"] for row in rows] == [[0, 0, 6, 4], [1, 1, 2, 2]]
        assert [row["area"] for row in rows] == [24, 4]
        assert coco_mask.area([row["segmentation"] for row in rows]).tolist() == [24, 4]
    assert len({row["id"] for row in content["annotations"]}) == 4


def test_models_that_only_segment_have_one_category():
    content = coco_json({"a.png": make(names=(), labels=None)})
    assert content["categories"] == [{"id": 1, "name": "object"}]
    assert [row["score"] for row in content["annotations"]] == pytest.approx([0.5, 0.9])


def test_vocabularies_must_be_the_same():
    with pytest.raises(ValueError, match="one vocabulary"):
        coco_json({"a": make(), "b": make(names=("x", "y"))})


def test_csv_survives_odd_names_and_holds_no_formula():
    rows = list(csv.DictReader(io.StringIO(csv_text({"a.png": make()}))))
    assert [row["name"] for row in rows] == ['dog, "big"\n🦄', "'=cat"]
    assert [row["area"] for row in rows] == ["24", "4"]
    assert [(row["left"], row["bottom"]) for row in rows] == [("0", "4"), ("1", "3")]
    assert rows[0]["score"] == "0.6000"


def test_of_very_many_names_only_those_that_occur_are_listed():
    names = tuple(f"thing {n}" for n in range(3000))
    content = coco_json({"a.png": make(names, labels=(2999, 7))})
    assert content["categories"] == [{"id": 8, "name": "thing 7"}, {"id": 3000, "name": "thing 2999"}]
    assert [row["category_id"] for row in content["annotations"]] == [3000, 8]
