"""Prompts as people give them: each test is a row of docs/files.md."""

import pytest
import torch

from ovsam.datasets.detections import read_detections
from ovsam.ops.roi import multilevel_roi_align
from ovsam.structures.user_prompts import prompts_from_user
from tests.field.page import row
from tests.field.test_text import save

SIZE = (60, 100)
NAN, INFINITE = float("nan"), float("inf")


@row("Prompts", "a coordinate that is not finite", "refused", "boxes, clicks and detections alike")
@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE, 1e300])
def test_prompts_that_are_not_finite(tmp_path, value):
    for given in (dict(boxes=[1, 2, 30, value]), dict(points=[value, 2])):
        with pytest.raises(ValueError, match="not a finite number"):
            prompts_from_user(**given, size=SIZE)
    if value == 1e300:  # a float of its own, cut at the border
        return
    path = save(
        tmp_path / "d.json", [dict(image_id=1, category_id=1, bbox=[1, 2, 3, value], score=1)], "utf-8"
    )
    with pytest.raises(ValueError, match=r"d\.json: entry 0 needs bbox .* finite numbers"):
        read_detections(path, image_sizes={1: SIZE}, label_of_category={1: 0})


@row(
    "Prompts",
    "a box that reaches far beyond the picture",
    "read",
    "cut before features are sampled in it",
)
def test_box_far_beyond(tmp_path):
    prompts = prompts_from_user(boxes=[[-1e12, -1e12, 1e12, 1e12], [-3, -2, 70, 20]], size=SIZE)
    assert prompts.boxes().tolist() == [[-100, -100, 200, 200], [-3, -2, 70, 20]]
    maps = [torch.ones(1, 2, 15, 25)]
    assert multilevel_roi_align(maps, [4], prompts.boxes(), torch.zeros(2).long(), 7).isfinite().all()
    rows = [dict(image_id=1, category_id=1, bbox=[-1e12, -1e12, 2e12, 2e12], score=0.5)]
    found, _ = read_detections(
        save(tmp_path / "d.json", rows, "utf-8"), image_sizes={1: SIZE}, label_of_category={1: 0}
    )
    assert found[1].boxes.tolist() == [[0, 0, 100, 60]]


@row("Prompts", "a click or a box outside of the picture, reversed corners", "refused", "says which one")
def test_prompts_outside():
    for given, message in (
        (dict(points=[100, 5]), r"point \(100, 5\) is outside the image"),
        (dict(boxes=[200, 5, 300, 20]), "box 0 lies outside the image"),
        (dict(boxes=[30, 5, 10, 20]), "box 0 has its corners reversed"),
    ):
        with pytest.raises(ValueError, match=message):
            prompts_from_user(**given, size=SIZE)
