"""Annotations as people's tools write them: each test is a row of docs/files.md."""

import subprocess
import sys

import numpy as np
import pytest

from tests.field.made import (
    BOX,
    HEIGHT,
    POLYGON,
    WIDTH,
    annotation,
    code,
    content,
    dataset,
    mask,
    masks_of,
    masks_of_annotation,
    written,
)
from tests.field.page import row

FAR = [[-164, -221, 2.1e8, 3.5e8, 226, 236, 272, 384]]
LIMITED = """
import resource, sys
from ovsam.ops.masks import decode_segmentations
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
print(decode_segmentations([%s], (60, 100)).sum())
"""


def limited(segmentation):
    """Decode in a process of limited memory and time: what is wrong there must not take the machine."""
    program = LIMITED % repr(segmentation).replace("nan", "float('nan')")
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.seconds
@row(
    "Annotations", "polygon with a coordinate that is not finite", "refused", "annotation and file named"
)
def test_polygon_that_is_not_finite(tmp_path):
    done = limited([[float("nan"), 1, 5, 1, 5, 5]])
    assert done.returncode == 1
    assert "ValueError: a polygon has a coordinate that is not a finite number" in done.stderr
    for value in (float("nan"), float("inf"), 10**400):
        with pytest.raises(
            ValueError, match=r"ann\.json: annotation 7 of a\.png: .*not a finite number"
        ):
            masks_of_annotation(tmp_path, segmentation=[[value, 1, 5, 1, 5, 5]])


@pytest.mark.seconds
@row("Annotations", "polygon far outside of the picture", "read", "cut before it is drawn")
def test_polygon_far_outside(tmp_path):
    done = limited(FAR)
    assert done.returncode == 0, done.stderr
    far = [[-1e9, -1e9, 50, -1e9, 50, 1e9, -1e9, 1e9]]  # all that is left of x = 50
    [drawn] = masks_of_annotation(tmp_path, segmentation=far)
    np.testing.assert_array_equal(drawn, np.arange(WIDTH) < 50 + np.zeros((HEIGHT, 1)))
    assert len(dataset(written(tmp_path, content([annotation(segmentation=FAR)])))) == 1


@pytest.mark.seconds
def test_polygon_whose_cut_would_overflow():
    done = limited([[-1e308, 1e308, 1e308, -1e308, 20, 20, 0, 0]])
    assert done.returncode == 1
    assert "ValueError: a polygon has a coordinate that is not a finite number" in done.stderr


def test_a_slanted_polygon_is_cut_not_bent(tmp_path):
    # Below the diagonal through (0, 0) and (60, 60), its corners a hundred thousand px away.
    far = [[-1e5, -1e5, 1e5, 1e5, -1e5, 1e5]]
    [drawn] = masks_of_annotation(tmp_path, segmentation=far)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    assert drawn[columns < rows].all()
    assert not drawn[columns > rows].any()


@row(
    "Annotations",
    "compressed run-length code that is cut or changed",
    "refused",
    "its lengths are added up",
)
@pytest.mark.parametrize(
    "change", [lambda t: t[:3], lambda t: t[:-1], lambda t: t + "1", lambda t: t + "é"]
)
def test_cut_code(tmp_path, change):
    good = code()
    with pytest.raises(ValueError, match=r"ann\.json: annotation 7 of a\.png: run.length.*cut"):
        masks_of_annotation(tmp_path, segmentation={**good, "counts": change(good["counts"])})


@row(
    "Annotations",
    "uncompressed run lengths of another sum, or negative",
    "refused",
    "the code is cut or changed",
)
@pytest.mark.parametrize(
    "counts",
    [[605, 20], [-5, 6005], [6000.5], [3000.5, 2999.5], [2**63 - 1, 2**63 - 1, 6002], [10**400]],
)
def test_lengths_of_another_sum(tmp_path, counts):
    with pytest.raises(
        ValueError, match=r"annotation 7 of a\.png: run lengths sum to .*, expected 6000"
    ):
        masks_of_annotation(tmp_path, segmentation={"size": [60, 100], "counts": counts})


@row("Annotations", "run-length code, compressed or not", "read", "`size` is [height, width]")
def test_codes(tmp_path):
    columns = [v for _ in range(30) for v in (40, 20)]
    lengths = [605, 20, *columns[:-2], 6000 - 605 - 20 - 29 * 60]
    for given in (code(), {"size": [60, 100], "counts": lengths}):
        np.testing.assert_array_equal(masks_of_annotation(tmp_path, segmentation=given), mask()[None])


PAIRS = [[10, 5], [40, 5], [40, 25], [10, 25]]


@row("Annotations", "polygon as a flat list, or as pairs [x, y]", "read", "both can mean one thing only")
@pytest.mark.parametrize(
    "given", [[POLYGON], POLYGON, PAIRS, [PAIRS], [PAIRS, POLYGON], [[1, 2], POLYGON]]
)
def test_forms_of_polygons(tmp_path, given):
    np.testing.assert_array_equal(masks_of_annotation(tmp_path, segmentation=given), mask()[None])


@row("Annotations", "segmentation in a form that nobody knows", "refused", "never only counted")
@pytest.mark.parametrize(
    "given",
    [
        "10,5;40,5;40,25", [[1, 2, 3, 4, 5, 6, 7]], [{"x": 1, "y": 2}], [["1"] * 6], 5, [[[[1, 2]]]],
        {"size": [60, 100], "counts": 5}, {"points": [1]}, [[None] * 6], [[True, 5, 40, 5, 40, 25]],
        {"size": None, "counts": [6000]}, {"size": 5, "counts": [6000]},
    ],
)  # fmt: skip
def test_unknown_form(tmp_path, given):
    with pytest.raises(ValueError, match=r"ann\.json: annotation 7 of a\.png: .*mend or remove it"):
        masks_of_annotation(tmp_path, segmentation=given)


@row("Annotations", "box that does not touch its own mask", "read, counted", "the log names the first")
def test_box_beside_its_mask(tmp_path, logged):
    x, y, width, height = BOX
    boxes = {
        8: [x - 6, y, 5, height],  # beside it on one side only: left, right, above, below
        9: [x + width + 1, y, 5, height],
        10: [x, y - 6, width, 5],
        11: [x, y + height + 1, width, 5],
        12: [x - 4, y - 4, 5, 5],  # touches a corner
    }
    found = [annotation(), *(annotation(id=number, bbox=box) for number, box in boxes.items())]
    assert len(dataset(written(tmp_path, content(found))).get_data_info(0)["instances"]) == 6
    named = "4 boxes that do not touch their masks (annotations 8, 9, 10, 11)"
    assert f"kept, but look at them: {named}" in logged()


@row(
    "Annotations",
    "`area` that is not that of the mask",
    "read, counted",
    "less than half, more than twice",
)
def test_area_of_another_mask(tmp_path, logged):
    found = [
        annotation(id=number, segmentation=code(), area=area)
        for number, area in ((7, 600), (8, 9), (9, 1300), (10, 1100))
    ]
    assert len(dataset(written(tmp_path, content(found)))) == 1
    assert "2 areas that are not those of their masks (annotations 8, 9)" in logged()


@pytest.mark.parametrize("area", ["600", [600], 10**400, float("nan"), -5])
def test_area_that_is_no_number(tmp_path, logged, area):
    assert len(dataset(written(tmp_path, content([annotation(segmentation=code(), area=area)])))) == 1
    assert "1 areas that are not those of their masks (annotations 7)" in logged()


@row("Annotations", "box that reaches beyond the picture", "read", "cut at the border")
def test_box_beyond_the_border(tmp_path):
    found = dataset(written(tmp_path, content([annotation(bbox=[-5, 5, 1e12, 20])])))
    assert found.get_data_info(0)["instances"][0]["bbox"] == [0, 5, WIDTH, 25]


@row("Annotations", "box that is not finite or has no area", "left out, counted", "nothing to point at")
def test_box_without_area(tmp_path):
    boxes = [BOX, [1, 2, float("nan"), 4], [1, 2, float("inf"), 4], [1, 2, 0, 4], [200, 2, 3, 4]]
    boxes += [[10, 5, 10**400, 20], [-1e308, 0, 1.5e308, 9]]
    found = [annotation(id=i, bbox=list(box)) for i, box in enumerate(boxes)]
    assert dataset(written(tmp_path, content(found))).skipped == {"boxes without area": 6}


TWICE = [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}, {"id": 3, "name": "dog"}]


@row("Annotations", "two categories of one name", "refused", "`merge_categories=True` merges them")
def test_two_categories_of_one_name(tmp_path):
    found = [annotation(), annotation(id=8, category_id=2), annotation(id=9, category_id=3)]
    path = written(tmp_path, content(found, categories=TWICE))
    with pytest.raises(ValueError, match=r"ann\.json: 2 categories are called 'cat' \(ids 1 and 2\)"):
        dataset(path)
    merged = dataset(path, merge_categories=True)
    assert [i["annotation_id"] for i in merged.get_data_info(0)["instances"]] == [7, 8]
    assert merged.skipped == {"other classes": 1}


@row("Annotations", "ids as text in one list and as numbers in the other", "read", "`'1'` is 1")
def test_ids_as_text(tmp_path):
    found = content([annotation(image_id="1", category_id="1")])
    assert len(dataset(written(tmp_path, found))) == 1
    found["images"][0]["id"] = "1"
    found["annotations"][0]["image_id"] = 1
    assert dataset(written(tmp_path, found)).get_data_info(0)["img_id"] == "1"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (dict(id=None), "annotation None has no id that is a number or text"),
        (dict(image_id=[1]), "annotation 7 has no image_id that is"),
        (dict(category_id=None), "annotation 7 has no category_id that is"),
        (dict(image_id="1", category_id=9), "annotation 7 has category id 9, which vocabulary 'pets'"),
    ],
)
def test_ids_that_are_wrong(tmp_path, changes, expected):
    with pytest.raises(ValueError, match=rf"ann\.json: {expected}"):
        dataset(written(tmp_path, content([annotation(**changes)])))


@pytest.mark.parametrize(
    ("identity", "expected"),
    [("2", "ids of images are text and numbers"), ([2], r"image \[2\] needs id")],
)
def test_ids_of_images_that_are_wrong(tmp_path, identity, expected):
    found = content([annotation()])
    found["images"].append({**found["images"][0], "id": identity})
    with pytest.raises(ValueError, match=expected):
        dataset(written(tmp_path, found))


def test_two_categories_of_one_name_in_a_known_vocabulary(tmp_path):
    people = [{"id": 1, "name": "person"}, {"id": 91, "name": "person"}]
    path = written(tmp_path, content([annotation(category_id=91)], categories=people))
    with pytest.raises(ValueError, match=r"2 categories are called 'person' \(ids 1 and 91\)"):
        dataset(path, vocabulary="coco_48_17")


def test_no_crowd_as_text(tmp_path):
    assert len(dataset(written(tmp_path, content([annotation(iscrowd="0")])))) == 1


@row("Annotations", "`iscrowd` or `area` left out, other fields added", "read", "they are not needed")
def test_fields_that_are_not_needed(tmp_path):
    bare = {key: annotation()[key] for key in ("id", "image_id", "category_id", "bbox", "segmentation")}
    assert len(dataset(written(tmp_path, content([{**bare, "score": 0.5, "attributes": {}}])))) == 1


@row("Annotations", "height or width that is missing, 0 or no whole number", "refused", "masks need it")
@pytest.mark.parametrize("value", [0, 59.5, "60", None, float("inf")])
def test_size_of_a_picture(tmp_path, value):
    found = content([annotation()])
    found["images"][0]["height"] = value
    with pytest.raises(ValueError, match=r"ann\.json: image 1 has \(height, width\) = .*whole numbers"):
        dataset(written(tmp_path, found))


@row(
    "Annotations",
    "boxes without segmentation (Objects365, V3Det, detectors' exports)",
    "left out, counted",
    "`with_masks=False` reads them, where boxes are enough: box prompts and names",
)
@pytest.mark.parametrize("given", [None, [], "nothing"])
def test_boxes_without_masks(tmp_path, given):
    found = annotation(segmentation=given)
    if given == "nothing":
        del found["segmentation"]
    path = written(tmp_path, content([found]))
    with pytest.raises(ValueError, match=r"1 segmentations without content; .*set with_masks=False"):
        dataset(path)
    [drawn] = masks_of(path, with_masks=False)
    np.testing.assert_array_equal(drawn, mask())  # the box, filled
    assert dataset(path, with_masks=False).metainfo["with_masks"] is False
