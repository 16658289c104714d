import json

import pytest

from ovsam.datasets.coco_index import read_coco_index
from ovsam.datasets.vocabularies import get_vocabulary

VOCABULARY = get_vocabulary("shapes")
BASE, NOVEL = 3, 6  # labels


def read(tmp_path, found, labels=VOCABULARY.evaluated, **arguments):
    path = tmp_path / "ann.json"
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return read_coco_index(path, vocabulary=VOCABULARY, kept_labels=labels, **arguments)


def test_images_come_by_id_with_their_own_annotations(coco_content, tmp_path):
    index = read(tmp_path, coco_content)
    assert [image["img_id"] for image in index.images] == [11, 12, 15, 17]
    first = index.images[0]
    assert [i["annotation_id"] for i in first["instances"]] == [1, 2, 4]
    assert [i["label"] for i in first["instances"]] == [BASE, NOVEL, BASE]
    assert first["instances"][1]["bbox"] == [15.0, 1.0, 21.0, 10.0]  # xywh -> xyxy
    assert index.skipped == {"other classes": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (dict(iscrowd=1), "crowd regions"),
        (dict(bbox=[3, 3, 0, 5]), "boxes without area"),
        (dict(bbox=[3, 3, 4, -5]), "boxes without area"),
        (dict(bbox=[30, 3, 4, 5]), "boxes without area"),
        (dict(bbox=[3, float("nan"), 4, 5]), "boxes without area"),
        (dict(segmentation=[]), "segmentations without content"),
        (dict(segmentation=[[1, 1, 2, 2]]), "segmentations without content"),
        (dict(segmentation={"size": [20, 30], "counts": ""}), "segmentations without content"),
    ],
)
def test_useless_annotations_are_left_out_and_counted(coco_content, tmp_path, changes, reason):
    found = coco_content
    found["annotations"][0].update(changes)
    index = read(tmp_path, found)
    assert index.skipped[reason] == 1
    assert [i["annotation_id"] for i in index.images[0]["instances"]] == [2, 4]


def test_a_box_is_cut_at_the_border(coco_content, tmp_path):
    found = coco_content
    found["annotations"][0]["bbox"] = [-2.5, 3, 8, 40]
    assert read(tmp_path, found).images[0]["instances"][0]["bbox"] == [0.0, 3.0, 5.5, 20.0]


def test_of_several_polygons_the_good_ones_are_kept(coco_content, tmp_path):
    good = [1, 1, 5, 1, 5, 5]
    found = coco_content
    found["annotations"][0]["segmentation"] = [[1, 1], good]
    assert read(tmp_path, found).images[0]["instances"][0]["segmentation"] == [good]


def test_small_boxes_are_left_out_on_request(coco_content, tmp_path):
    index = read(tmp_path, coco_content, min_box_side=6)
    assert index.skipped["boxes with a side below 6 px"] == 2
    assert [i["annotation_id"] for i in index.images[0]["instances"]] == [2, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["annotations"].append({**c["annotations"][0], "id": 9, "image_id": 99}),
            "image 99, which is not listed",
        ),
        (
            lambda c: c["annotations"][1].update(category_id=91),
            "category id 91, which vocabulary 'shapes' lacks",
        ),
        (lambda c: c["annotations"][1].pop("category_id"), "annotation 2 has no category_id"),
        (lambda c: c["annotations"][1].update(id=1), "annotation id 1 occurs twice"),
        (lambda c: c["images"].append(c["images"][0]), "image id 12 occurs twice"),
        (lambda c: c["images"][0].pop("height"), "image 12 needs id, file_name, height and width"),
        (lambda c: c["annotations"][0].pop("bbox"), "annotation 1 of 11.png: bbox must be"),
        (
            lambda c: c["annotations"][0].update(bbox=[1, 2, "3", 4]),
            "annotation 1 of 11.png: bbox must be",
        ),
        (
            lambda c: c["annotations"][0]["segmentation"].update(size=[30, 20]),
            r"annotation 1 of 11.png: .*\(30, 20\), the image has \(20, 30\)",
        ),
        (lambda c: c.pop("images"), "no lists `images` and `annotations`"),
        (lambda c: c["images"].append(1), "must hold objects only"),
    ],
)
def test_broken_content_is_refused(coco_content, tmp_path, change, message):
    found = coco_content
    change(found)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, found)


def test_broken_json_and_missing_file_name_the_file_and_the_command(tmp_path):
    with pytest.raises(ValueError, match=r"ann\.json is not valid JSON.*prepare_data.py shapes"):
        read(tmp_path, '{"images": [')
    with pytest.raises(ValueError, match="not an annotation file"):
        read(tmp_path, "[]")
    with pytest.raises(
        FileNotFoundError, match=r"none\.json does not exist; run `python tools/prepare_data.py shapes`"
    ):
        read_coco_index(tmp_path / "none.json", vocabulary=VOCABULARY, kept_labels=[])


def test_lvis_names_its_images_by_url(coco_content, tmp_path):
    found = coco_content
    for image in found["images"]:
        image["coco_url"] = f"http://images.cocodataset.org/val2017/{image.pop('file_name')}"
    assert read(tmp_path, found).images[0]["file_name"] == "val2017/11.png"


def test_of_other_classes_nothing_but_the_class_is_read(coco_content, tmp_path):
    clean = read(tmp_path, coco_content, labels=VOCABULARY.base)
    found = coco_content
    for row in found["annotations"]:
        if row["category_id"] == NOVEL + 1:
            row.update(bbox="poison", segmentation={"size": 3}, iscrowd="?", area=None)
    assert read(tmp_path, found, labels=VOCABULARY.base) == clean


def test_a_file_of_another_vocabulary_is_told_by_its_names(coco_content, tmp_path):
    path = tmp_path / "ann.json"
    names = get_vocabulary("lvis_v1").names
    coco_content["categories"] = [{"id": i + 1, "name": name} for i, name in enumerate(names[:80])]
    path.write_text(json.dumps(coco_content))
    read_coco_index(path, vocabulary=get_vocabulary("lvis_v1"), kept_labels=[])
    with pytest.raises(
        ValueError, match=r"not of vocabulary 'shapes': 80 of 80 categories .* 'aerosol can' where"
    ):
        read_coco_index(path, vocabulary=VOCABULARY, kept_labels=[])


def test_underscores_and_a_few_longer_names_are_the_same_classes(coco_content, tmp_path):
    rows = [{"id": i + 1, "name": n.replace(" ", "_")} for i, n in enumerate(VOCABULARY.names)]
    rows[7]["name"] = "something else"
    rows.append({"id": 999, "name": "unused"})
    coco_content["categories"] = rows
    assert len(read(tmp_path, coco_content).images) == 4


@pytest.mark.parametrize(("vocabulary", "command"), [("coco_48_17", "coco"), ("lvis_v1", "lvis")])
def test_every_vocabulary_names_its_command(tmp_path, vocabulary, command):
    arguments = dict(vocabulary=get_vocabulary(vocabulary), kept_labels=[])
    hint = rf"`python tools/prepare_data\.py {command}`"
    with pytest.raises(FileNotFoundError, match=f"does not exist; run {hint}"):
        read_coco_index(tmp_path / "none.json", **arguments)
    (tmp_path / "cut.json").write_text('{"images": [')
    with pytest.raises(ValueError, match=f"is not valid JSON .*remove it and run {hint}"):
        read_coco_index(tmp_path / "cut.json", **arguments)
