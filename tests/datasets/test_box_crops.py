import numpy as np
import pytest
import torch

from ovsam.datasets.box_crops import BoxCropDataset
from ovsam.datasets.boxed_images import crop_matrix, warp


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
