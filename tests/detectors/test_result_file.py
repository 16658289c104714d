"""From what a detector says to rows of COCO's result format."""

import numpy as np

from ovsam.detectors.base import DetectedBoxes
from ovsam.detectors.result_file import detect_all


class Detector:
    """Answers with three boxes, best first, whose place depends on the image."""

    class_names = ("background", "cat", "gnu")

    def __call__(self, image):
        offset = float(image[0, 0, 0])
        boxes = np.array([[1, 2, 4, 8], [0, 0, 3, 5], [2, 2, 9, 9]], np.float32) + np.float32(offset)
        return DetectedBoxes(boxes, np.array([0.9, 0.5, 0.25], np.float32), np.array([1, 2, 1]))


def test_rows_have_width_and_height_and_ids_of_the_annotation_file():
    images = [(31, np.zeros((5, 7, 3), np.uint8)), (40, np.full((5, 7, 3), 10, np.uint8))]
    rows, counts = detect_all(
        Detector(), images, category_of_name={"cat": 17}, score_floor=0.3, max_per_image=5
    )
    assert rows == [
        dict(image_id=31, category_id=17, bbox=[1, 2, 3, 6], score=float(np.float32(0.9))),
        dict(image_id=31, category_id=0, bbox=[0, 0, 3, 5], score=0.5),
        dict(image_id=40, category_id=17, bbox=[11, 12, 3, 6], score=float(np.float32(0.9))),
        dict(image_id=40, category_id=0, bbox=[10, 10, 3, 5], score=0.5),
    ]
    assert counts == {"boxes": 4, "boxes of classes outside the vocabulary": 2}


def test_only_the_best_boxes_of_an_image_are_kept():
    images = [(31, np.zeros((5, 7, 3), np.uint8))]
    options = dict(category_of_name={}, score_floor=0.0)
    for number in (1, 2, 3):
        rows, _ = detect_all(Detector(), images, max_per_image=number, **options)
        assert [row["score"] for row in rows] == [float(np.float32(0.9)), 0.5, 0.25][:number]
