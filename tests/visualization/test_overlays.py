"""Overlays: things land where they are, names stay inside, wrong looks different."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample
from ovsam.visualization.overlays import GAP, PALETTE, TITLE_HEIGHT, Objects, draw_objects, panel
from ovsam.visualization.predictions import draw_predictions, prompts_in_original

GREY = np.full((30, 40, 3), 128, dtype=np.uint8)


def mask_at(rows, columns):
    mask = np.zeros((1, 30, 40), dtype=bool)
    mask[0, slice(*rows), slice(*columns)] = True
    return mask


def test_mask_is_filled_where_it_is_and_the_image_is_left_alone():
    image = GREY.copy()
    drawn = draw_objects(image, Objects(masks=mask_at((5, 20), (10, 30))), side=160)
    assert drawn.shape == (120, 160, 3)
    assert (image == GREY).all()
    expected = (128 * 0.75 + np.array(PALETTE[0]) * 0.25).astype(np.uint8)
    assert (drawn[48, 80] == expected).all()
    assert (drawn[110, 150] == 128).all()


def test_wrong_masks_have_another_outline():
    masks = mask_at((5, 20), (10, 30))
    right = draw_objects(GREY, Objects(masks=masks, names=["a"], is_right=[True]))
    wrong = draw_objects(GREY, Objects(masks=masks, names=["a"], is_right=[False]))
    assert (right != wrong).any(axis=2).sum() > 100


def test_box_and_points_are_scaled_and_missing_boxes_left_out():
    nothing = np.full((1, 4), np.nan)
    plain = draw_objects(GREY, Objects(), side=160)
    assert (draw_objects(GREY, Objects(boxes=nothing), side=160) == plain).all()
    boxed = draw_objects(GREY, Objects(boxes=np.array([[10.0, 5, 30, 20]])), side=160)
    assert (boxed[20:81, 40] == PALETTE[0]).all()
    assert (boxed[50, 80] == 128).all()
    pointed = draw_objects(GREY, Objects(points=[np.array([[20.0, 10, 1]])]), side=160)
    assert (pointed[40, 80] == PALETTE[0]).all()


def test_long_name_at_the_border_stays_inside():
    masks = mask_at((0, 4), (36, 40))
    drawn = draw_objects(GREY, Objects(masks=masks, names=["a very long name"]), side=320)
    bare = draw_objects(GREY, Objects(masks=masks), side=320)
    changed = (drawn != bare).any(axis=2)
    assert changed[:20].any()
    assert not changed[:, :100].any()


@pytest.mark.parametrize(
    ("image", "masks"),
    [(GREY.astype(np.float32), None), (GREY[..., 0], None), (GREY, np.zeros((1, 40, 30), dtype=bool))],
)
def test_wrong_shapes_are_refused(image, masks):
    with pytest.raises(ValueError, match=r"must be|masks are"):
        draw_objects(image, Objects(masks=masks))


def test_panel_puts_pictures_side_by_side():
    sheet = panel([np.zeros((10, 20, 3), np.uint8), np.zeros((10, 30, 3), np.uint8)], ["a", "b"])
    assert sheet.shape == (10 + TITLE_HEIGHT, 50 + GAP, 3)
    assert (sheet[-1, 20 : 20 + GAP] == 255).all()


def make_sample(prompts, labels=None):
    masks = torch.zeros(2, 30, 40, dtype=torch.bool)
    masks[0, 5:20, 10:30] = True
    masks[1, 22:28, 2:9] = True
    sample = PromptSample(metainfo=dict(scale_factor=(2.0, 3.0), img_shape=(90, 80), ori_shape=(30, 40)))
    sample.prompts = prompts
    sample.gt_instances = InstanceData(labels=torch.tensor([1, 0]), original_masks=masks)
    sample.pred_instances = InstanceData(masks=masks)
    if labels is not None:
        sample.pred_instances.labels = torch.tensor(labels)
    return sample


def test_prompts_return_to_the_original_frame():
    boxes = Prompts.from_boxes(torch.tensor([[20.0, 15, 60, 60]]), "resized")
    points = Prompts.from_points(
        torch.tensor([[[10.0, 75], [4, 9]]]), "resized", labels=torch.tensor([[1, 0]])
    )
    found, clicks = prompts_in_original(make_sample(Prompts.concatenate([boxes, points])))
    assert found[0].tolist() == [10, 5, 30, 20]
    assert np.isnan(found[1]).all()
    assert len(clicks[0]) == 0
    assert clicks[1].tolist() == [[5, 25, 1], [2, 3, 0]]


def test_picture_of_a_prediction_says_what_it_shows():
    prompts = Prompts.from_boxes(torch.tensor([[20.0, 15, 60, 60], [4, 66, 18, 84]]), "resized")
    picture = draw_predictions(GREY, make_sample(prompts, [1, 2]), ["ring", "star", "bar"], side=160)
    assert picture.image.shape == (120 + TITLE_HEIGHT, 4 * 160 + 3 * GAP, 3)
    assert (picture.num_right, picture.num_wrong) == (1, 1)
    assert picture.text == "2 objects from boxes: star named rightly; ring named bar"
    masks_only = draw_predictions(GREY, make_sample(prompts), ["ring", "star", "bar"])
    assert (masks_only.num_right, masks_only.num_wrong) == (0, 0)
    assert "segmented from boxes: star, ring" in masks_only.text
