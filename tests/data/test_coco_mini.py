"""The readers on real photographs with COCO's own annotations."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.transforms.geometry import RandomFlip, RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.ops.masks import decode_segmentations


def dataset(shared, split, pipeline, **changes):
    arguments = dict(
        ann_file=f"annotations/instances_{split}2017.json",
        data_root=str(shared / "data" / "coco_mini"),
        data_prefix=dict(img=f"images/{split}2017"),
        vocabulary="coco_48_17",
        pipeline=[
            dict(type=LoadImage),
            dict(type=LoadInstances),
            *pipeline,
            dict(type=PackPromptInputs),
        ],
    )
    return CocoPromptDataset(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("split", "keep", "images", "instances"),
    [("train", "base", 23, 125), ("val", "evaluated", 27, 156), ("val", "novel", 8, 11)],
)
def test_counts(shared, split, keep, images, instances):
    found = dataset(shared, split, [], keep=keep)
    assert len(found) == images
    assert sum(len(found.get_data_info(i)["instances"]) for i in range(images)) == instances


def test_test_items_hold_masks_boxes_and_centres_of_every_photograph(shared):
    pipeline = [
        dict(type=ResizeLongSide, size=256, keep_original_masks=True),
        dict(type=DrawPrompts, kind="center_point"),
    ]
    found = dataset(shared, "val", pipeline, keep="evaluated", test_mode=True)
    num_inside, num_prompts = 0, 0
    for index in range(len(found)):
        item = found[index]
        sample = item["data_samples"]
        instances = sample.gt_instances
        assert max(item["inputs"].shape[1:]) == 256
        assert sample.target_masks.shape[1:] == item["inputs"].shape[1:] == sample.img_shape
        assert instances.original_masks.shape[1:] == sample.ori_shape
        areas = [row["area"] for row in _annotations(shared, sample.img_id, found)]
        assert instances.original_masks.sum(dim=(1, 2)).tolist() == areas
        points = sample.prompts.coordinates[:, 0].long()
        num_inside += sum(
            bool(m[y, x]) for (x, y), m in zip(points.tolist(), sample.target_masks, strict=True)
        )
        num_prompts += len(points)
    assert num_prompts == 156
    assert num_inside >= 154  # all but masks that vanish at 256 px


def _annotations(shared, image_id, found):
    path = shared / "data" / "coco_mini" / "annotations" / "instances_val2017.json"
    rows = json.loads(path.read_text())["annotations"]
    label_of = found.vocabulary.label_of_category
    return [
        row
        for row in rows
        if row["image_id"] == image_id
        and not row["iscrowd"]
        and label_of[row["category_id"]] in found.kept_labels
    ]


def test_training_items_of_the_published_recipe(shared):
    pipeline = [
        dict(type=RandomFlip),
        dict(type=RandomResizeCrop, size=256, ratio_range=(0.9, 2.0)),
        dict(type=DrawPrompts, kind="mixed", num_boxes=21, num_points=19),
    ]
    found = dataset(shared, "train", pipeline, keep="base")
    for index in range(0, len(found), 4):
        item = found[index]
        sample = item["data_samples"]
        assert max(item["inputs"].shape[1:]) <= 256
        assert len(sample.prompts) == len(sample.gt_instances) == 40
        assert set(sample.gt_instances.labels.tolist()) <= found.vocabulary.base
        points = sample.prompts.coordinates[21:, 0].long().tolist()
        assert all(m[y, x] for (x, y), m in zip(points, sample.target_masks[21:], strict=True))
        areas = sample.target_masks.sum(dim=(1, 2))
        assert int(areas.min()) >= 32


def test_original_polygons_decode_as_coco_decodes_them(shared):
    path = shared / "data" / "coco_mini" / "annotations" / "instances_original_polygons.json"
    content = json.loads(path.read_text())
    size_of = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    kinds = set()
    for row in content["annotations"]:
        size = size_of[row["image_id"]]
        mask = decode_segmentations([row["segmentation"]], size)[0]
        kinds.add(type(row["segmentation"]))
        codes = coco_mask.frPyObjects(row["segmentation"], *size)
        expected = coco_mask.decode(codes if isinstance(codes, dict) else coco_mask.merge(codes))
        np.testing.assert_array_equal(mask, expected.astype(bool))
    assert kinds == {list, dict}
