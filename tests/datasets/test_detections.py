"""Result files of detectors: what is read, what is left out and counted, what is refused."""

import json

import numpy as np
import pytest

from ovsam.datasets.detections import (
    DetectionDataset,
    labels_by_name,
    read_class_labels,
    read_detections,
)
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

SIZES = {11: (20, 30), 12: (25, 40)}  # (H, W)
LABELS = {5: 0, 7: 1}


def row(image_id=11, category_id=5, bbox=(2, 3, 10, 6), score=0.5, **changes):
    return dict(image_id=image_id, category_id=category_id, bbox=list(bbox), score=score, **changes)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "boxes.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def read(path, **options):
    return read_detections(path, image_sizes=SIZES, label_of_category=LABELS, **options)


def test_boxes_are_corners_inside_the_image_in_order_of_the_file(write):
    rows = [row(score=0.2), row(bbox=(-5, 10, 50.5, 30), category_id=7, score=0.9), row(12)]
    found, skipped = read(write(rows))
    assert set(found) == {11, 12}
    np.testing.assert_array_equal(found[11].boxes, [[2, 3, 12, 9], [0, 10, 30, 20]])
    assert found[11].boxes.dtype == np.float32
    np.testing.assert_allclose(found[11].scores, [0.2, 0.9])
    assert found[11].labels.tolist() == [0, 1]
    assert len(found[12].boxes) == 1
    assert not skipped


def test_image_without_boxes_is_there(write):
    found, _ = read(write([]))
    assert found[12].boxes.shape == (0, 4)
    assert found[12].labels.dtype == np.int64


def test_what_is_left_out_is_counted(write):
    rows = [
        row(score=0.29),
        row(score=0.3),
        row(bbox=(4, 4, 0, 5)),
        row(bbox=(35, 4, 3, 5)),  # right of the image
        row(category_id=6),
    ]
    found, skipped = read(write(rows), score_floor=0.3, needs_labels=True)
    assert len(found[11].boxes) == 1
    assert skipped == {
        "scores below 0.3": 1,
        "boxes without area inside the image": 2,
        "classes outside the vocabulary": 1,
    }
    found, skipped = read(write(rows), score_floor=0.3)
    assert found[11].labels.tolist() == [0, -1]
    assert "classes outside the vocabulary" not in skipped


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([row(), row(99), row(98), row(98)], r"3 of 4 boxes belong to 2 images .* such as \[98, 99\]"),
        ([dict(image_id=11, bbox=[1, 2, 3, 4])], "entry 0 lacks category_id, score"),
        ([row(), row(bbox=(1, 2, 3))], "entry 1 needs bbox"),
        ([row(score="high")], "entry 0 needs bbox .* got .* 'high'"),
        ('[{"image_id": 11, "category_id": 5, "bbox": [1, 2, 3, NaN], "score": 1}]', "finite"),
        ({"annotations": []}, "expected a list of detections .* got dict"),
        ('[{"image_id": 11', "not valid JSON"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(write, content, message):
    with pytest.raises(ValueError, match=message):
        read(write(content))


def test_missing_file_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tools/detect\.py makes one"):
        read(tmp_path / "none.json")


def test_labels_that_all_fail_to_fit_are_refused(write):
    rows = [row(category_id=0), row(category_id=1)]
    with pytest.raises(ValueError, match=r"such as \[0, 1\]; .* --detection-classes"):
        read(write(rows), needs_labels=True)


WORDS = Vocabulary(name="words", classes=(("sea lion",), ("TV", "tv monitor"), ("lion", "sea lion")))


@pytest.mark.parametrize(
    "content",
    [
        ["lion", "Tv_Monitor", "pavement", "sea lion"],
        {"0": "lion", "1": "tv monitor", "2": "pavement", "3": "Sea  Lion"},
        {"categories": [dict(id=0, name="lion"), dict(id=1, name="tv"), dict(id=3, name="sea_lion")]},
    ],
)
def test_classes_are_mapped_by_name_and_synonym(write, content):
    assert read_class_labels(write(content), labels_by_name(WORDS)) == {0: 2, 1: 1, 3: 0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["house"], "no name of it"),
        ([1, 2], "expected a list"),
        ("3", "expected a list"),
        ({}, "expected"),
    ],
)
def test_classes_without_a_fit_are_refused(write, content, message):
    with pytest.raises(ValueError, match=message):
        read_class_labels(write(content), labels_by_name(WORDS))


def test_names_of_the_annotation_file_come_first(write):
    ann_file = write({"categories": [dict(id=3, name="Sea_Lion"), dict(id=9, name="tv")]})
    assert labels_by_name(WORDS, ann_file)["sea lion"] == 2
    assert labels_by_name(WORDS)["sea lion"] == 0
    assert labels_by_name(WORDS, ann_file)["tv"] == 1


def test_every_class_of_a_benchmark_finds_itself():
    for name in ("coco_48_17", "lvis_v1", "shapes"):
        vocabulary = get_vocabulary(name)
        found = labels_by_name(vocabulary)
        assert [found[n.replace("_", " ").lower()] for n in vocabulary.names] == list(range(len(found)))[
            : len(vocabulary)
        ]


def test_data_set_has_every_image_and_no_annotation(make_coco, write):
    root = make_coco()
    rows = [row(11, category_id=4), row(11, category_id=99), row(15, category_id=1, score=0.1)]
    arguments = dict(
        ann_file="ann.json", data_prefix=dict(img="img"), vocabulary="shapes", data_root=str(root),
        detections=str(write(rows)), score_floor=0.2,
    )  # fmt: skip
    found = DetectionDataset(**arguments)
    assert [found.get_data_info(i)["img_id"] for i in range(len(found))] == [11, 12, 15, 17]
    entry = found.get_data_info(0)
    assert "instances" not in entry
    assert entry["detections"].labels.tolist() == [3, -1]
    assert (entry["height"], entry["width"]) == (20, 30)
    assert found.skipped == {"scores below 0.2": 1}
    assert found.metainfo["category_ids"][3] == 4
    assert len(found.metainfo["base"]) == 48
    with_labels = DetectionDataset(**arguments, labels="detector")
    assert with_labels.get_data_info(0)["detections"].labels.tolist() == [3]
    assert with_labels.skipped["classes outside the vocabulary"] == 1
    assert len(DetectionDataset(**arguments, indices=2)) == 2
