"""check_data lists everything that is wrong at once, and says by its exit code whether it is refused."""

import json

import numpy as np
from PIL import Image

from ovsam.cli import main
from ovsam.datasets.label_maps import write_label_map
from tests.field.made import annotation, content, picture, written


def check(capsys, *arguments):
    code = main(["check_data", *map(str, arguments)])
    return code, capsys.readouterr().out


def test_good_data_are_read(tmp_path, capsys):
    path = written(
        tmp_path, content([annotation(), annotation(id=8, category_id=2, bbox=[10, 5, 30, 21])])
    )
    code, printed = check(capsys, path, tmp_path)
    assert code == 0
    assert printed.splitlines()[1:] == [
        "checked: 2 of kind 'annotation', 0 refused",
        "checked: 1 of kind 'image', 0 refused",
        "0 refused, 0 to look at",
    ]


def test_everything_wrong_is_listed_with_its_ids(tmp_path, capsys):
    found = content(
        [
            annotation(),
            annotation(id=8),
            annotation(id=9, bbox=[80, 40, 5, 5]),
            annotation(id=10, category_id=99),
            annotation(id=11, segmentation=[[1, 2, float("nan"), 4, 5, 6]]),
            annotation(id=12, segmentation="1,2,3"),
            annotation(id=12),
            annotation(id=13, image_id=99),
            annotation(id=14, bbox=[1, 2, 0, 3]),
        ]
    )
    for number, name in ((2, "gone.png"), (3, "cut.png"), (4, "small.png"), (5, "a.png")):
        found["images"].append({"id": number, "file_name": name, "height": 60, "width": 100})
    path = written(tmp_path, found)
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:500])
    Image.fromarray(picture()[:30]).save(tmp_path / "small.png")
    report = tmp_path / "new" / "report.json"
    code, printed = check(capsys, path, tmp_path, "--report", report, "--workers", 2)
    assert code == 1
    found = json.loads(report.read_text())
    assert found["clean"] is False
    assert found["checked"] == {"annotation file": 1, "annotation": 9, "image": 5}
    assert found["refused"] == {"annotation": 5, "image": 3}
    assert [p["text"] for p in found["problems"] if p["kind"] == "image"] == [
        line.removeprefix("refused: ")
        for line in printed.splitlines()
        if line.startswith("refused: image")
    ]
    assert check(capsys, path, tmp_path, "--workers", 0)[1] == printed  # in this order, whoever reads
    for line in (
        "refused: {}: annotation 10 has category id 99, which vocabulary",
        "refused: {}: annotation 11 of a.png: a polygon has a coordinate that is not a finite number",
        "refused: {}: annotation 12 of a.png: segmentation is neither",
        "refused: {}: annotation id 12 occurs twice",
        "refused: {}: annotation 13 belongs to image 99, which is not listed",
        "gone.png does not exist",
        "cut.png is broken",
        "small.png has (h, w) = (30, 100), its annotations are for (60, 100)",
        "read, but look at it: {}: 1 boxes that do not touch their masks (annotations 9)",
        "2 annotations that occur twice (annotations 7, 8)",
        "1 boxes without area left out",
        "1 categories without an annotation: dog",
        "1 pictures listed twice: a.png",
        "8 refused, 5 to look at",
    ):
        assert line.format(path) in printed


def test_names_boxes_and_doubled_categories(tmp_path, capsys):
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}]
    path = written(tmp_path, content([annotation(segmentation=[])], categories=categories))
    code, printed = check(capsys, path)
    assert code == 1
    assert "2 categories are called 'cat' (ids 1 and 2)" in printed
    code, printed = check(capsys, path, "--merge-categories")
    assert code == 1
    assert "no annotation is left to train on" in printed
    assert check(capsys, path, "--merge-categories", "--boxes-only", "--names", "cat")[0] == 0
    assert (
        "has no category 'cow'; it has cat"
        in check(capsys, path, "--merge-categories", "--names", "cow")[1]
    )
    path.write_text("{")
    assert "is not valid JSON" in check(capsys, path)[1]


def test_a_folder_that_is_not_there_and_a_good_report(tmp_path, capsys):
    path = written(tmp_path, content([annotation()]))
    assert main(["check_data", str(path), str(tmp_path / "gone")]) == 2
    assert "gone does not exist; IMAGES is the folder" in capsys.readouterr().err
    assert check(capsys, path, tmp_path, "--report", tmp_path / "r.json")[0] == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["clean"], report["refused"]) == (True, {})


def test_label_maps(tmp_path, capsys):
    write_label_map(tmp_path / "maps" / "good.png", np.array([[0, 1, 255]], np.uint8))
    arguments = ("--label-maps", tmp_path / "maps", "--num-classes", 2)
    assert check(capsys, *arguments)[0] == 0
    write_label_map(tmp_path / "maps" / "bad.png", np.array([[0, 7]], np.uint8))
    (tmp_path / "maps" / "cut.png").write_bytes(b"PNG")
    code, printed = check(capsys, *arguments)
    assert code == 1
    assert "bad.png has the value 7 at row 0, column 1" in printed
    assert "cut.png is broken" in printed
