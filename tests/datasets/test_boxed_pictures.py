"""Pictures with boxes: what is in an item."""

import json

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


def test_items_share_no_memory_with_the_data_set(boxed_world):
    data = BoxedPictureDataset(**boxed_world)
    item = data[1]
    item["inputs"].zero_()
    item["boxes"].zero_()
    assert data[1]["inputs"].any()
    assert data[1]["boxes"].any()
