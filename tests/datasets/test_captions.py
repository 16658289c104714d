import json

import cv2
import numpy as np
import pytest
import torch

from ovsam.datasets.captions import (
    BoxCropDataset,
    BoxedPictureDataset,
    CaptionCropDataset,
    crop_matrix,
    warp,
)


@pytest.fixture
def world(tmp_path):
    """Two 40 x 60 pictures: a white 10 x 8 box at (20, 12) in the first, two boxes in the second."""
    pictures = np.zeros((2, 40, 60, 3), np.uint8)
    boxes = {1: [(20, 12, 10, 8)], 2: [(4, 6, 12, 12), (40, 20, 6, 16)]}
    annotations = []
    for picture, places in boxes.items():
        for category, (x, y, w, h) in enumerate(places, start=picture):
            pictures[picture - 1, y : y + h, x : x + w] = (255, 200, 100)  # RGB
            annotations.append(
                dict(id=len(annotations), image_id=picture, category_id=category, bbox=[x, y, w, h])
            )
        cv2.imwrite(str(tmp_path / f"{picture}.png"), pictures[picture - 1][..., ::-1])
    names = {1: "red bar", 2: "blue star", 3: "green ring"}
    content = dict(
        images=[dict(id=i, file_name=f"{i}.png", width=60, height=40) for i in (1, 2)],
        annotations=annotations[::-1],  # the order of the file must not matter
        categories=[dict(id=i, name=name) for i, name in names.items()],
    )
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return dict(annotation_file=str(tmp_path / "instances.json"), image_folder=str(tmp_path))


def test_box_crops_are_the_boxes(world):
    data = BoxCropDataset(**world, crop_size=20, aspect="stretch")
    assert [data[i]["category_ids"] for i in range(len(data))] == [1, 2, 3]
    for item in data:
        assert item["inputs"].dtype == torch.uint8
        assert (item["inputs"] == torch.tensor([255, 200, 100])[:, None, None]).all()


def test_box_crops_with_context_keep_proportions(world):
    crop = BoxCropDataset(**world, crop_size=20)[0]["inputs"][0]
    bright = crop > 128  # 10 x 8 px in a square of 10: 20 x 16
    assert bright.any(dim=0).sum() == 20
    assert bright.any(dim=1).sum() == 16


def test_captions_name_the_object(world):
    templates = ("a {}", "a photo of a {}")
    data = CaptionCropDataset(**world, crop_size=20, templates=templates, window_fraction=0)
    items = [data[i] for i in range(3)]
    assert [item["names"] for item in items] == [{"red bar"}, {"blue star"}, {"green ring"}]
    for item in items:
        assert item["captions"] in [template.format(min(item["names"])) for template in templates]
        assert item["inputs"].shape == (3, 20, 20)
        assert item["inputs"].float().mean() > 40  # the object is in the crop


def test_windows_name_every_object_in_them(world):
    data = CaptionCropDataset(**world, crop_size=40, templates=("a {}",), window_fraction=1.0)
    found = set()
    for epoch in range(30):
        data.set_epoch(epoch)
        found |= {data[1]["captions"], data[2]["captions"]}
        assert data[1]["captions"].count(" and ") == len(data[1]["names"]) - 1
    # 40 px hold both boxes of the second picture (x from 4 to 46) only in part, 60 % of each in some
    assert found == {"a blue star", "a green ring", "a blue star and a green ring"}


def test_a_window_that_holds_nothing_whole_shows_one_object(world):
    data = CaptionCropDataset(**world, crop_size=6, templates=("a {}",), window_fraction=1.0)
    assert data[1]["captions"] == "a blue star"  # 12 x 12 px
    assert data[1]["inputs"].float().mean() > 40


def test_windows_stay_inside_the_picture(world):
    data = CaptionCropDataset(**world, crop_size=40, templates=("a {}",), window_fraction=1.0)
    rng = np.random.default_rng(3)
    for box in data.annotations.boxes:
        side, centre = data._window(rng, box, (40, 60, 3))
        low, high = centre - side / 2, centre + side / 2
        assert (low >= 0).all()
        assert (high <= (60, 40)).all()
        assert (low <= box[:2]).all()
        assert (high >= box[2:]).all()


def test_an_item_is_a_function_of_seed_epoch_and_index(world):
    def item(seed, epoch):
        data = CaptionCropDataset(**world, crop_size=20, templates=("a {}",), seed=seed)
        data.set_epoch(epoch)
        _ = data[2]  # what was read before must not matter
        return data[0]["inputs"]

    assert torch.equal(item(1, 2), item(1, 2))
    assert not torch.equal(item(1, 2), item(1, 3))
    assert not torch.equal(item(1, 2), item(2, 2))


def test_crop_matrix_without_a_change_is_the_window_itself():
    image = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    crop = warp(image, crop_matrix((6, 4), (4, 4), 4), 4)
    assert torch.equal(crop, torch.from_numpy(image[2:6, 4:8]).permute(2, 0, 1))
    mirrored = warp(image, crop_matrix((6, 4), (-4, 4), 4), 4)
    assert torch.equal(mirrored, crop.flip(2))


def test_crop_matrix_turns_clockwise():
    image = np.zeros((5, 5, 3), np.uint8)
    image[2, 4] = 255  # right of the centre
    crop = warp(image, crop_matrix((2.5, 2.5), (5, 5), 5, angle=-np.pi / 2), 5)
    assert crop[0, 4, 2] == 255  # now below it


@pytest.mark.parametrize("missing", ["annotation_file", "image_folder"])
def test_missing_data_names_the_command(world, missing, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"prepare_data\.py shapes"):
        BoxCropDataset(**{**world, missing: str(tmp_path / "nowhere")}, crop_size=8)


def test_pictures_come_with_all_their_boxes(world):
    data = BoxedPictureDataset(**world)
    assert [item["category_ids"].tolist() for item in map(data.__getitem__, range(2))] == [[1], [2, 3]]
    assert data[1]["boxes"].tolist() == [[4, 6, 16, 18], [40, 20, 46, 36]]
    assert data[0]["inputs"].shape == (3, 40, 60)


def test_boxes_turn_with_their_picture(world):
    data = BoxedPictureDataset(**world, is_augmented=True)
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


def test_pictures_without_boxes_are_left_out(world, tmp_path):
    content = json.loads((tmp_path / "instances.json").read_text())
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] == 2]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    data = BoxedPictureDataset(**world)
    assert len(data) == 1
    assert data[0]["category_ids"].tolist() == [2, 3]
