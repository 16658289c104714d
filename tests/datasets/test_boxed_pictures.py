"""Pictures with boxes: what is in an item, how it is scaled and mirrored, what a mosaic shows."""

import json

import pytest
import torch

from ovsam.datasets.boxed_pictures import BoxedPictureDataset


def test_pictures_come_with_all_their_boxes(boxed_world):
    data = BoxedPictureDataset(**boxed_world)
    assert [item["category_ids"].tolist() for item in map(data.__getitem__, range(2))] == [[1], [2, 3]]
    assert data[1]["boxes"].tolist() == [[4, 6, 16, 18], [40, 20, 46, 36]]
    assert data[0]["inputs"].shape == (3, 40, 60)


def test_boxes_turn_with_their_picture(boxed_world):
    data = BoxedPictureDataset(**boxed_world, is_augmented=True)
    seen = set()
    for epoch in range(12):
        data.set_epoch(epoch)
        item = data[1]
        assert torch.equal(item["inputs"], data[1]["inputs"])
        bright = item["inputs"][0] > 150
        inside = torch.zeros_like(bright)
        for x0, y0, x1, y1 in item["boxes"].int().tolist():
            inside[y0:y1, x0:x1] = True
        assert torch.equal(bright, inside)
        seen.add(item["boxes"][0, 0].item())
    assert seen == {4, 44}


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


def test_a_mosaic_shows_in_every_box_what_its_name_says(boxed_world):
    data = BoxedPictureDataset(**boxed_world, size=96, mosaic=1.0, tiles=2, context_range=(1.2, 1.6))
    numbers, ids = set(), set()
    for epoch in range(8):
        data.set_epoch(epoch)
        item = data[0]
        assert item["inputs"].shape == (3, 96, 96)
        assert torch.equal(item["boxes"], data[0]["boxes"])
        bright = item["inputs"][0] > 127  # objects are 255, pictures 0, what is beyond them 124
        inside = torch.zeros_like(bright)
        for box in item["boxes"].round().int().tolist():
            inside[box[1] : box[3], box[0] : box[2]] = True
            tile = [place // 48 for place in (box[0], box[1], box[2] - 1, box[3] - 1)]
            assert tile[:2] == tile[2:]
        assert (bright != inside).sum() <= 0.03 * inside.sum()  # pixels of the borders
        numbers.add(len(item["boxes"]))
        ids |= set(item["category_ids"].tolist())
    assert min(numbers) >= 4
    assert ids == {1, 2, 3}


def test_mosaics_may_end_before_the_training_does(boxed_world):
    data = BoxedPictureDataset(**boxed_world, size=96, mosaic=1.0, mosaic_epochs=1)
    pictures = BoxedPictureDataset(**boxed_world, size=96)
    for epoch, is_picture in ((0, False), (1, True), (2, True)):
        data.set_epoch(epoch)
        assert torch.equal(data[0]["inputs"], pictures[0]["inputs"]) == is_picture


@pytest.mark.parametrize("size", [None, 64])
def test_mosaics_need_a_size_that_the_tiles_divide(boxed_world, size):
    with pytest.raises(ValueError, match=f"3 tiles a side need a multiple of it as size, got {size}"):
        BoxedPictureDataset(**boxed_world, mosaic=0.5, size=size)
