import json

import pytest

from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.detection import check_boxed
from ovsam.datasets.vocabularies import get_vocabulary
from tests.datasets.image_trees import write_picture


def write(root, ann_file, names, **changes):
    vocabulary = get_vocabulary("objects365")
    content = dict(
        images=[dict(id=i, file_name=name, height=6, width=9) for i, name in enumerate(names)],
        annotations=[
            dict(id=i, image_id=i, category_id=i + 1, bbox=[1, 1, 2, 2]) for i in range(len(names))
        ],
        categories=[dict(id=i, name=name) for i, name in enumerate(vocabulary.names, start=1)],
    )
    path = root / ann_file
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**content, **changes}))


@pytest.fixture
def root(tmp_path):
    names = ["images/v1/patch1/a.jpg", "images/v2/patch16/b.jpg"]
    write(tmp_path, "annotations/zhiyuan_objv2_val.json", names)
    for level, name in enumerate(("patch1/a.jpg", "patch16/b.jpg")):
        write_picture(tmp_path / "val" / name, level)
    return tmp_path


def check(root, **options):
    return check_boxed("objects365", root, Options(**options), ["val"])


def test_a_whole_tree(root):
    report = check(root, with_pictures=True)
    assert report.is_complete
    text = str(report)
    assert "2 images (changed: published are 80,000), 2 boxes of 2 of 365 classes" in text
    assert "all 2 pictures of annotations/zhiyuan_objv2_val.json" in text
    assert "all 2 decode" in text


def test_absent_and_broken_pictures_are_counted(root):
    (root / "val" / "patch1" / "a.jpg").unlink()
    (root / "val" / "patch16" / "b.jpg").write_bytes(b"x")
    report = check(root, with_pictures=True)
    assert "1 of the 2 pictures" in report.missing[0]
    assert "patch1/a.jpg" in report.missing[0]
    assert "1 of 1 are broken" in report.broken[0]


def test_a_file_of_other_classes(root):
    categories = [dict(id=i, name=name) for i, name in enumerate(get_vocabulary("coco").names, 1)]
    write(root, "annotations/zhiyuan_objv2_val.json", ["a/b.jpg"], categories=categories)
    assert "is not of vocabulary 'objects365'" in check(root).broken[0]


def test_a_label_outside_the_list_is_named(root):
    rows = [dict(id=7, image_id=0, category_id=366, bbox=[1, 1, 2, 2])]
    write(root, "annotations/zhiyuan_objv2_val.json", ["v1/patch1/a.jpg"], annotations=rows)
    assert "1 annotations are broken: annotation 7 has category id 366" in check(root).broken[0]


def test_nothing_there(tmp_path):
    report = check_boxed("v3det", tmp_path, Options(), ["train", "val"])
    assert "v3det_2023_v1_train.json: from V3Det" in report.missing[0]
    assert len(report.missing) == 2
