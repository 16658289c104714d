"""FiftyOne, supervision and Label Studio; what needs a package is skipped without it."""

from xml.etree import ElementTree

import numpy as np
import pytest

from ovsam.integrations import fiftyone, label_studio, supervision
from ovsam.structures.prediction import Prediction


def make(size=(5, 7), named=True):
    masks = np.zeros((3, *size), bool)
    masks[0, :4, :6] = True
    masks[1, 1:3, 1:3] = True
    return Prediction(
        masks=masks,
        boxes=np.array([[0, 0, 6, 4], [1, 1, 3, 3], [0, 0, 0, 0]], np.float32),
        prompt_index=np.array([0, 1, 2]),
        stability=np.array([0.5, 0.9, 0.0], np.float32),
        mask_logits=np.zeros((3, 2, 2), np.float32),
        class_names=("cat", "<dog> & 'co'") if named else (),
        labels=np.array([1, 0, 0]) if named else None,
        scores=np.array([0.6, 0.7, 0.1], np.float32) if named else None,
        top=((("<dog> & 'co'", 0.6),), (("cat", 0.7),), (("cat", 0.1),)) if named else (),
    )


def decode_brush(code):
    """The format read bit by bit."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(count):
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    total, width = take(32), take(5) + 1
    lengths = [take(4) + 1 for _ in range(4)]
    values = []
    while len(values) < total:
        is_run, size = take(1), lengths[take(2)]
        count = take(size) + 1
        values += [take(width)] * count if is_run else [take(width) for _ in range(count)]
    return np.array(values, np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 30), (400, 260)])
def test_brush_code_holds_the_mask(size):
    rng = np.random.default_rng(1)
    for mask in (np.zeros(size, bool), np.ones(size, bool), rng.random(size) < 0.5):
        decoded = decode_brush(label_studio.encode_brush(mask))
        np.testing.assert_array_equal(decoded.reshape(*size, 4), np.repeat(mask[..., None] * 255, 4, 2))


def test_brush_code_is_read_by_label_studios_own_tools():
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    mask = np.random.default_rng(1).random((40, 30)) < 0.3
    decoded = brush.decode_rle(label_studio.encode_brush(mask))
    np.testing.assert_array_equal(np.reshape(decoded, (40, 30, 4))[..., 3] > 0, mask)


def test_label_studio_task():
    task = label_studio.to_task(make(), "/data/a.png", with_boxes=True)
    assert task["data"] == {"image": "/data/a.png"}
    [prediction] = task["predictions"]
    results = prediction["result"]
    assert [r["type"] for r in results] == ["brushlabels", "rectanglelabels"] * 2  # no empty mask
    assert results[0]["value"]["brushlabels"] == ["<dog> & 'co'"]
    assert (results[0]["original_width"], results[0]["original_height"]) == (7, 5)
    box = results[1]["value"]
    assert (box["x"], box["y"], box["width"], box["height"]) == pytest.approx((0, 0, 600 / 7, 80))
    assert len({r["id"] for r in results}) == 4
    config = ElementTree.fromstring(label_studio.labelling_config(make().class_names, with_boxes=True))
    tags = {tag.get("name"): tag for tag in config}
    for result in results:
        assert result["from_name"] in tags
        names = [label.get("value") for label in tags[result["from_name"]]]
        assert result["value"][result["type"]][0] in names


def test_fiftyone_fields():
    fields = fiftyone.detection_fields(make())
    assert [row[0]["label"] for row in fields] == ["<dog> & 'co'", "cat"]
    assert fields[1][0]["bounding_box"] == pytest.approx([1 / 7, 1 / 5, 2 / 7, 2 / 5])
    assert fields[1][1].shape == (2, 2)
    assert fields[1][1].all()
    assert fields[0][2]["prompt"] == 0
    assert fiftyone.detection_fields(make(named=False))[0][0]["label"] == "object"
    drawn = fiftyone.semantic_map(make())
    assert drawn[0].tolist() == [2, 2, 2, 2, 2, 2, 0]
    assert drawn[1].tolist() == [2, 1, 1, 2, 2, 2, 0]
    with pytest.raises(ValueError, match="only segments"):
        fiftyone.semantic_map(make(named=False))


def test_fiftyone_itself():
    package = pytest.importorskip("fiftyone")
    detections = fiftyone.to_detections(make())
    assert isinstance(detections, package.Detections)
    assert [d.label for d in detections.detections] == ["<dog> & 'co'", "cat"]
    assert fiftyone.to_segmentation(make()).mask.shape == (5, 7)


@pytest.mark.parametrize("named", [True, False])
def test_supervision_itself(named):
    package = pytest.importorskip("supervision")
    detections = supervision.to_detections(make(named=named))
    assert isinstance(detections, package.Detections)
    assert len(detections) == 3
    np.testing.assert_array_equal(detections.mask, make().masks)
    assert detections.xyxy[1].tolist() == [1, 1, 3, 3]
    if named:
        assert detections["class_name"].tolist() == ["<dog> & 'co'", "cat", "cat"]
        assert detections.class_id.tolist() == [1, 0, 0]
        assert len(detections[detections.confidence > 0.5]) == 2
