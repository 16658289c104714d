"""The package's class lists against the files they were taken from."""

import json

import pytest

from ovsam.datasets.vocabularies import get_vocabulary


def test_coco_names_and_split(shared):
    lists = shared / "data" / "class_lists"
    split = json.loads((lists / "coco_ovd_48_17.json").read_text())
    vocabulary = get_vocabulary("coco_48_17")
    label_of = vocabulary.label_of_category
    assert {label_of[c["id"]] for c in split["base_48"]} == vocabulary.base
    assert {label_of[c["id"]] for c in split["novel_17"]} == vocabulary.novel
    lines = (lists / "coco_panoptic_with_prompt_eng.txt").read_text().splitlines()
    names = dict(line.split(":", 1) for line in lines)
    things = [names[str(i)] for i in range(1, 91) if names[str(i)] != "invalid_class_id"]
    assert [",".join(synonyms) for synonyms in vocabulary.classes] == things


def test_lvis_names_and_frequencies(shared):
    rows = json.loads((shared / "data" / "lvis" / "lvis_v1_train_cat_info.json").read_text())
    vocabulary = get_vocabulary("lvis_v1")
    assert [row["id"] for row in rows] == list(vocabulary.category_ids)
    assert {label for label, row in enumerate(rows) if row["frequency"] == "r"} == vocabulary.novel
    lines = (shared / "data" / "class_lists" / "lvis_1203_with_prompt_eng.txt").read_text().splitlines()
    assert [",".join(synonyms) for synonyms in vocabulary.classes] == [x.split(":", 1)[1] for x in lines]


@pytest.mark.parametrize("name", ["coco_48_17", "lvis_v1"])
def test_display_names_fit_a_sentence(name):
    assert all(n == n.strip() and "_" not in n and ":" not in n for n in get_vocabulary(name).names)


@pytest.mark.parametrize(
    ("name", "file", "ids"),
    [
        ("coco_stuff_171", "coco", {0: 0, 11: 12, 79: 89, 80: 91, 170: 181}),
        ("ade20k_150", "ade150", {0: 1, 149: 150}),
        ("ade20k_847", "ade847", {}),
        ("pascal_context_459", "pc459", {0: 1, 458: 459}),
        ("pascal_context_59", "pc59", {0: 2, 1: 9, 28: 187, 58: 458}),
        ("voc_20", "voc20", {0: 1, 19: 20}),
        ("voc_20b", "voc20b", {}),
    ],
)
def test_names_and_ids_of_label_maps(shared, name, file, ids):
    expected = json.loads((shared / "data" / "class_lists" / f"{file}.json").read_text())
    vocabulary = get_vocabulary(name)
    assert vocabulary.names == [text.strip() for text in expected]
    assert {label: vocabulary.category_ids[label] for label in ids} == ids


def test_panoptic_ids_are_those_of_the_annotations(shared):
    path = shared / "data" / "coco_mini" / "annotations" / "panoptic_val2017.json"
    categories = json.loads(path.read_text())["categories"]
    assert list(get_vocabulary("coco_panoptic_133").category_ids) == [c["id"] for c in categories]
