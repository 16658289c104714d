"""Prediction with what saves arithmetic on a CPU against the same without, in a whole model."""

import torch

from ovsam.benchmark.complexity import fast_paths
from ovsam.ops import lazy_maps, winograd


def test_tiles_and_saved_multiplications_change_no_answer(make, batch, monkeypatch):
    monkeypatch.setattr(lazy_maps, "TILE", 2)
    monkeypatch.setattr(lazy_maps, "MIN_SIDE", 8)
    monkeypatch.setattr(lazy_maps, "MAX_TILE_SHARE", 1.0)
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 16)
    convolve, sides = winograd.convolve, []

    def watched(maps, weight, bias):
        sides.append(maps.shape[-1])
        return convolve(maps, weight, bias)

    monkeypatch.setattr(winograd, "convolve", watched)
    model = make("ovsam", roi_box="prompt").eval()
    images, samples = batch
    features = model.encode(images)
    assert sides
    masks = model.predict_masks(features, samples)
    found = [model.name_masks(features, samples, masks) for _ in range(2)]
    assert isinstance(features.pyramid_maps, lazy_maps.LazyMaps)
    assert features.pyramid_maps._levels[0]._parts is not None
    sides.clear()
    with fast_paths(model, False):
        features = model.encode(images)
        assert isinstance(features.pyramid_maps, list)
        expected = model.name_masks(features, samples, model.predict_masks(features, samples))
    assert not sides
    for one in found:
        torch.testing.assert_close(one.mask_logits, expected.mask_logits, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(one.class_logits, expected.class_logits, rtol=1e-3, atol=1e-4)
