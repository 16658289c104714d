import numpy as np
import pytest
import torch

from ovsam.datasets.boxed_images import crop_matrix, warp
from ovsam.datasets.captions import BoxCropDataset, CaptionCropDataset


def test_box_crops_are_the_boxes(boxed_world):
    data = BoxCropDataset(**boxed_world, crop_size=20, aspect="stretch")
    assert [data[i]["category_ids"] for i in range(len(data))] == [1, 2, 3]
    for item in data:
        assert item["inputs"].dtype == torch.uint8
        assert (item["inputs"] == torch.tensor([255, 200, 100])[:, None, None]).all()


def test_box_crops_with_context_keep_proportions(boxed_world):
    crop = BoxCropDataset(**boxed_world, crop_size=20)[0]["inputs"][0]
    bright = crop > 128  # 10 x 8 px in a square of 10: 20 x 16
    assert bright.any(dim=0).sum() == 20
    assert bright.any(dim=1).sum() == 16


def test_captions_name_the_object(boxed_world):
    templates = ("a {}", "a photo of a {}")
    data = CaptionCropDataset(**boxed_world, crop_size=20, templates=templates, window_fraction=0)
    items = [data[i] for i in range(3)]
    assert [item["names"] for item in items] == [{"red bar"}, {"blue star"}, {"green ring"}]
    for item in items:
        assert item["captions"] in [template.format(min(item["names"])) for template in templates]
        assert item["inputs"].shape == (3, 20, 20)
        assert item["inputs"].float().mean() > 40  # the object is in the crop


def test_windows_name_every_object_in_them(boxed_world):
    data = CaptionCropDataset(**boxed_world, crop_size=40, templates=("a {}",), window_fraction=1.0)
    found = set()
    for epoch in range(30):
        data.set_epoch(epoch)
        found |= {data[1]["captions"], data[2]["captions"]}
        assert data[1]["captions"].count(" and ") == len(data[1]["names"]) - 1
    # 40 px hold both boxes of the second picture (x from 4 to 46) only in part, 60 % of each in some
    assert found == {"a blue star", "a green ring", "a blue star and a green ring"}


def test_a_window_that_holds_nothing_whole_shows_one_object(boxed_world):
    data = CaptionCropDataset(**boxed_world, crop_size=6, templates=("a {}",), window_fraction=1.0)
    assert data[1]["captions"] == "a blue star"  # 12 x 12 px
    assert data[1]["inputs"].float().mean() > 40


def test_windows_stay_inside_the_picture(boxed_world):
    data = CaptionCropDataset(**boxed_world, crop_size=40, templates=("a {}",), window_fraction=1.0)
    rng = np.random.default_rng(3)
    for box in data.annotations.boxes:
        side, centre = data._window(rng, box, (40, 60, 3))
        low, high = centre - side / 2, centre + side / 2
        assert (low >= 0).all()
        assert (high <= (60, 40)).all()
        assert (low <= box[:2]).all()
        assert (high >= box[2:]).all()


def test_an_item_is_a_function_of_seed_epoch_and_index(boxed_world):
    def item(seed, epoch):
        data = CaptionCropDataset(**boxed_world, crop_size=20, templates=("a {}",), seed=seed)
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
def test_missing_data_names_the_command(boxed_world, missing, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"prepare_data\.py shapes"):
        BoxCropDataset(**{**boxed_world, missing: str(tmp_path / "nowhere")}, crop_size=8)
