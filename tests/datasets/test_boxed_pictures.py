"""Pictures with boxes: what is in an item, and how it is scaled."""

import json

import torch

from ovsam.datasets.boxed_pictures import BoxedPictureDataset


def test_pictures_come_with_all_their_boxes(boxed_world):
    data = BoxedPictureDataset(**boxed_world)
    assert [item["category_ids"].tolist() for item in map(data.__getitem__, range(2))] == [[1], [2, 3]]
    assert data[1]["boxes"].tolist() == [[4, 6, 16, 18], [40, 20, 46, 36]]
    assert data[0]["inputs"].shape == (3, 40, 60)


def test_pictures_without_boxes_are_left_out(boxed_world, tmp_path):
    content = json.loads((tmp_path / "instances.json").read_text())
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] == 2]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    data = BoxedPictureDataset(**boxed_world)
    assert len(data) == 1
    assert data[0]["category_ids"].tolist() == [2, 3]


def test_boxes_are_scaled_with_their_picture(boxed_world):
    item = BoxedPictureDataset(**boxed_world, size=20)[1]  # of 60 x 40 px
    assert item["inputs"].shape == (3, 20, 20)
    expected = [[4 / 3, 3, 16 / 3, 9], [40 / 3, 10, 46 / 3, 18]]
    torch.testing.assert_close(item["boxes"], torch.tensor(expected))
