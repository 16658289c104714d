import numpy as np
import pytest
import torch

from ovsam.ops.masks import encode_masks
from ovsam.ops.nms import mask_nms, stability_scores


def squares(*bounds):
    masks = np.zeros((len(bounds), 20, 24), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, bounds, strict=True):
        mask[y0:y1, x0:x1] = True
    return masks


def reference(masks, scores, threshold):
    kept = []
    for row in sorted(range(len(masks)), key=lambda r: (-scores[r], r)):
        ious = [(masks[row] & masks[k]).sum() / max((masks[row] | masks[k]).sum(), 1) for k in kept]
        if all(iou <= threshold for iou in ious):
            kept.append(row)
    return kept


def test_agrees_with_the_definition():
    rng = np.random.default_rng(0)
    corners, sizes = rng.integers(0, 12, (30, 2)), rng.integers(3, 9, (30, 2))
    bounds = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]
    masks, scores = squares(*bounds), rng.integers(0, 6, 30) / 5
    for threshold in (0.0, 0.3, 0.7):
        found = mask_nms(encode_masks(masks), scores, threshold).tolist()
        assert found == reference(masks, scores, threshold)
    assert len(mask_nms(encode_masks(masks), scores, 0.3)) < 30


def test_empty_inputs_and_empty_masks():
    assert mask_nms([], np.zeros(0), 0.5).tolist() == []
    assert mask_nms(encode_masks(squares((0, 0, 0, 0), (0, 0, 0, 0))), np.ones(2), 0.5).tolist() == [
        0,
        1,
    ]
    with pytest.raises(ValueError, match="1 masks and 2 scores"):
        mask_nms(encode_masks(squares((0, 0, 2, 2))), np.ones(2), 0.5)


def test_stability_is_the_iou_of_two_cuts():
    logits = torch.tensor(
        [[[3.0, 0.5, -0.5, -3.0]], [[2.0, 2.0, -2.0, -2.0]], [[-2.0, -2.0, -2.0, -2.0]]]
    )
    torch.testing.assert_close(stability_scores(logits), torch.tensor([1 / 3, 1.0, 0.0]))
