import pytest
import torch

from ovsam.datasets.box_crops import BoxCropDataset


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


@pytest.mark.parametrize("missing", ["annotation_file", "image_folder"])
def test_missing_data_names_the_command(boxed_world, missing, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"prepare_data\.py shapes"):
        BoxCropDataset(**{**boxed_world, missing: str(tmp_path / "nowhere")}, crop_size=8)
