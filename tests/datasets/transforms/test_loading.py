import cv2
import numpy as np
import pytest

from ovsam.datasets.transforms import loading
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances

SQUARE = [[2, 1, 6, 1, 6, 4, 2, 4]]


def results(**changes):
    found = dict(
        img=np.zeros((10, 14, 3), np.uint8),
        img_path="a.png",
        height=10,
        width=14,
        instances=[
            {"label": 5, "bbox": [2.0, 1.0, 6.0, 4.0], "segmentation": SQUARE},
            {
                "label": 2,
                "bbox": [0.0, 0.0, 14.0, 10.0],
                "segmentation": {"size": [10, 14], "counts": [0, 140]},
            },
        ],
    )
    return {**found, **changes}


def test_image_is_read_and_measured(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (10, 14, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    found = LoadImage().transform({"img_path": str(tmp_path / "a.png")})
    np.testing.assert_array_equal(found["img"], picture[..., ::-1])
    assert found["ori_shape"] == found["img_shape"] == (10, 14)
    assert found["scale_factor"] == (1.0, 1.0)


def test_instances_keep_their_order():
    found = LoadInstances().transform(results())
    assert found["labels"].tolist() == [5, 2]
    assert found["labels"].dtype == np.int64
    np.testing.assert_array_equal(found["bboxes"], [[2, 1, 6, 4], [0, 0, 14, 10]])
    assert found["bboxes"].dtype == np.float32
    assert found["masks"].shape == (2, 10, 14)
    assert (found["masks"][0].sum(), found["masks"][1].sum()) == (12, 140)


def test_a_mask_without_a_pixel_is_left_out_with_its_label_and_box():
    found = results()
    found["instances"][0]["segmentation"] = {"size": [10, 14], "counts": [140]}
    found = LoadInstances().transform(found)
    assert found["labels"].tolist() == [2]
    assert len(found["bboxes"]) == len(found["masks"]) == 1


def test_no_instances_give_empty_arrays():
    found = LoadInstances().transform(results(instances=[]))
    assert found["labels"].shape == (0,)
    assert found["bboxes"].shape == (0, 4)
    assert found["masks"].shape == (0, 10, 14)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(
        ValueError, match=r"a\.png has \(h, w\) = \(10, 14\), its annotations are for \(14, 10\)"
    ):
        LoadInstances().transform(results(height=14, width=10))


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"size": [10, 14], "counts": [1, 2]}, "run lengths sum to 3"),
        ({"size": [10, 14], "counts": "!!zz"}, "is cut, or no compressed code"),
        ([["a"] * 6], "a polygon needs 3 points"),
    ],
)
def test_a_broken_mask_names_its_annotation(segmentation, message):
    found = results()
    found["instances"][1].update(annotation_id=77, segmentation=segmentation)
    with pytest.raises(ValueError, match=rf"annotation 77 of image a\.png: .*{message}.*mend or remove"):
        LoadInstances().transform(found)


def test_masks_without_a_pixel_are_reported_once_per_picture(monkeypatch):
    lines = []
    monkeypatch.setattr(loading, "print_log", lambda text, *_: lines.append(text))
    load = LoadInstances()
    for name in ("a.png", "b.png", "a.png"):
        found = results(img_path=name)
        found["instances"][0]["segmentation"] = {"size": [10, 14], "counts": [140]}
        load.transform(found)
    load.transform(results(img_path="c.png"))
    assert [line.split(":")[0] for line in lines] == ["image a.png", "image b.png"]
    assert "1 of 2 instances left out" in lines[0]
    assert "(2 in 2 images so far)" in lines[1]
