"""What ten tools export, made by their documented formats: each test is a row of docs/files.md."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import label_maps
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import LoadSemantic, PackSemanticInputs
from tests.field.made import (
    BOX,
    HEIGHT,
    POLYGON,
    WIDTH,
    annotation,
    code,
    dataset,
    mask,
    masks_of,
    picture,
)
from tests.field.page import row

SEMANTIC = [dict(type=LoadImage), dict(type=LoadSemantic), dict(type=PackSemanticInputs)]
CAT = {"id": 1, "name": "cat", "supercategory": ""}
CORNERS = [[10.0, 5.0], [40.0, 5.0], [40.0, 25.0], [10.0, 25.0]]


def written(folder, found, encoding="utf-8"):
    """Write an export and the pictures that it names, as the tool lays them out; returns the file."""
    for image in found["images"]:
        place = folder / image["file_name"].replace("\\", "/").lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), picture()[..., ::-1])
    path = folder / "ann.json"
    path.write_text(json.dumps(found, ensure_ascii=False), encoding=encoding)
    return path


def assert_reads(path, **arguments):
    np.testing.assert_array_equal(masks_of(path, **arguments), mask()[None])


def image(**fields):
    return {"id": 1, "width": WIDTH, "height": HEIGHT, "file_name": "a.png", **fields}


@row("Exports", "CVAT, COCO 1.0", "read", "`attributes`, crowds as run lengths")
def test_cvat(tmp_path):
    found = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": "", "description": "", "url": "", "version": ""},
        "categories": [CAT, {"id": 2, "name": "dog", "supercategory": ""}],
        "images": [image(license=0, flickr_url="", coco_url="", date_captured=0)],
        "annotations": [
            annotation(id=1, area=600.0, attributes={"occluded": False, "rotation": 0.0}),
            annotation(id=2, iscrowd=1, segmentation={"size": [60, 100], "counts": [0, 6000]}),
        ],
    }
    path = written(tmp_path, found)
    assert_reads(path)
    assert dataset(path).skipped == {"crowd regions": 1}


@row("Exports", "Label Studio, COCO", "read", "ids from 0, separators of Windows")
def test_label_studio(tmp_path):
    found = {
        "images": [image(id=0, file_name="images\\3b1f-a.png")],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": [annotation(id=0, image_id=0, category_id=0, ignore=0)],
        "info": {"year": 2024, "version": "1.0", "contributor": "Label Studio"},
    }
    assert_reads(written(tmp_path, found))


@row("Exports", "Label Studio, COCO of boxes", "left out, counted", "needs `with_masks=False`")
def test_label_studio_boxes(tmp_path):
    found = {
        "images": [image(id=0)],
        "categories": [{"id": 0, "name": "cat"}],
        "annotations": [annotation(id=0, image_id=0, category_id=0, segmentation=[])],
    }
    path = written(tmp_path, found)
    with pytest.raises(ValueError, match="set with_masks=False"):
        dataset(path)
    assert_reads(path, with_masks=False)


@row("Exports", "Roboflow, COCO", "read", "category 0 is the project, without objects")
def test_roboflow(tmp_path):
    name = "a_png.rf.2f6f0c2a.jpg"
    found = {
        "info": {"year": "2024", "description": "Exported from roboflow.com"},
        "categories": [
            {"id": 0, "name": "pets-3", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "pets-3"},
        ],
        "images": [image(id=0, file_name=name, extra={"name": "a.png"})],
        "annotations": [annotation(id=0, image_id=0)],
    }
    assert dataset(written(tmp_path, found)).get_data_info(0)["img_path"].endswith(name)
    np.testing.assert_array_equal(masks_of(tmp_path / "ann.json"), mask()[None])


@row("Exports", "labelme, labelme2coco", "read", "separators of Windows, a byte-order mark, ids from 0")
def test_labelme(tmp_path):
    found = {
        "images": [image(id=0, file_name="JPEGImages\\a.png", date_captured=None, url=None)],
        "categories": [{"id": 0, "name": "_background_"}, {"id": 1, "name": "cat"}],
        "annotations": [annotation(id=0, image_id=0, area=600.0)],
        "type": "instances",
    }
    assert_reads(written(tmp_path, found, encoding="utf-8-sig"))


@row("Exports", "VGG Image Annotator, COCO", "read", "flat polygons, ids as text, no `iscrowd`")
def test_via(tmp_path):
    shape = annotation(id="1", image_id="1", segmentation=POLYGON)
    del shape["iscrowd"]
    found = {
        "info": {"description": "VIA project exported to COCO format"},
        "images": [image(id=1, license=0, flickr_url="", coco_url="", date_captured="")],
        "annotations": [shape],
        "categories": [{"id": 1, "name": "cat", "supercategory": "type"}],
    }
    assert_reads(written(tmp_path, found))


@row("Exports", "FiftyOne, COCODetectionDataset", "read", "a folder `data/`, fields that are null")
def test_fiftyone(tmp_path):
    found = {
        "info": {"url": "", "description": "Exported from FiftyOne"},
        "licenses": [],
        "categories": [{"id": 0, "name": "cat", "supercategory": None}],
        "images": [image(file_name="data/a.png", license=None, coco_url=None)],
        "annotations": [annotation(id=1, category_id=0, segmentation=[POLYGON, [1.0, 2.0, 3.0, 4.0]])],
    }
    assert_reads(written(tmp_path, found))


@row("Exports", "Supervisely, to COCO", "read", "polygons of pairs of points, fields it does not know")
def test_supervisely(tmp_path):
    found = {
        "info": {"description": "Supervisely"},
        "images": [image(file_name="ds0/img/a.png", license="", entity_id=12)],
        "annotations": [annotation(id=1, segmentation=[CORNERS], caption="", num_keypoints=0)],
        "categories": [{**CAT, "color": [255, 0, 0]}],
    }
    assert_reads(written(tmp_path, found))


@row("Exports", "datumaro, coco_instances", "read", "compressed codes, folders in names")
def test_datumaro(tmp_path):
    found = {
        "licenses": [],
        "info": {},
        "categories": [CAT],
        "images": [image(file_name="train/b/a.png", license=0)],
        "annotations": [annotation(id=1, segmentation=code(), attributes={"is_crowd": False})],
    }
    assert_reads(written(tmp_path, found))


@row("Exports", "Detectron2 and MMDetection, files to test on", "refused", "nothing to train on")
def test_files_to_test_on(tmp_path):
    found = {"images": [image()], "categories": [CAT], "annotations": []}
    path = written(tmp_path, found)
    with pytest.raises(ValueError, match="has no image with an instance to keep"):
        dataset(path)
    assert len(dataset(path, drop_empty=False)) == 1
    del found["annotations"]
    with pytest.raises(ValueError, match="no lists `images` and `annotations`"):
        dataset(written(tmp_path, found))


@row("Exports", "a detector's result file given as annotations", "refused", "it is for `--detections`")
def test_result_file(tmp_path):
    written(tmp_path, {"images": [image()]})
    rows = [dict(image_id=1, category_id=1, bbox=list(BOX), score=0.5)]
    (tmp_path / "ann.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=r"ann\.json has no list `categories`"):
        dataset(tmp_path / "ann.json")


@row("Exports", "PASCAL VOC, SegmentationClass (CVAT, labelme)", "read", "palette PNGs: `label_maps`")
def test_pascal_voc(tmp_path):
    drawn = np.where(mask(), np.uint8(1), np.uint8(0))
    drawn[:2] = 255
    for folder in ("JPEGImages", "SegmentationClass"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "JPEGImages" / "a.jpg"), picture())
    saved = Image.fromarray(drawn, mode="P")
    saved.putpalette([0, 0, 0, 128, 0, 0] + [224, 224, 192] * 254)
    saved.save(tmp_path / "SegmentationClass" / "a.png")
    spec = dict(
        type=label_maps,
        name="voc",
        base=["background", "cat"],
        root=str(tmp_path),
        images="JPEGImages",
        labels="SegmentationClass",
    )
    found = SemsegDataset(spec=spec, pipeline=SEMANTIC, test_mode=True)[0]["data_samples"]
    np.testing.assert_array_equal(found.gt_sem_seg.numpy(), drawn)
