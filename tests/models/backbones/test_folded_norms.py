"""A frozen ResNet of CLIP with folded norms against the same with its norms apart."""

import copy
import pickle

import pytest
import torch
from torch import nn

from ovsam.models.backbones import clip_specs
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.clip_specs import CLIP_SPECS, ClipSpec, ResNetTower
from ovsam.models.freezing import freeze
from ovsam.ops import winograd

SPEC = ClipSpec(ResNetTower((1, 2, 1, 1), 8), CLIP_SPECS["shapes-rn"].text, embed_dim=12, crop_size=64)


@pytest.fixture
def encoder(monkeypatch):
    """Its norms have statistics and weights of their own in every channel."""
    monkeypatch.setitem(clip_specs.CLIP_SPECS, "tiny", SPEC)
    encoder = ClipImageEncoder(architecture="tiny").double()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor, std=0.2)
    freeze(encoder)
    return encoder


def both(encoder, images):
    """Maps with folded norms, and with norms apart."""
    folded = encoder(images)
    encoder.is_fast = False
    apart = encoder(images)
    encoder.is_fast = True
    return folded, apart


def pictures(**options):
    return torch.randn(2, 3, 64, 96, **{"dtype": torch.float64, **options})


def kept(encoder):
    return len(encoder.folded._kept)


def test_maps_and_crops_are_the_same(encoder):
    for found, expected in zip(*both(encoder, pictures()), strict=True):
        assert expected.std() > 0.1
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert kept(encoder) == 3 + 3 * 5 + 4  # stem, blocks, and where a stage begins
    crops = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    found = encoder.embed_crops(crops)
    torch.testing.assert_close(found, encoder.visual(crops), rtol=1e-12, atol=1e-12)


def test_in_float32_the_difference_is_rounding(encoder):
    encoder.float()
    for found, expected in zip(*both(encoder, pictures(dtype=torch.float32)), strict=True):
        assert (found - expected).abs().max() <= 2e-6 * expected.abs().max()


def test_under_autocast_maps_are_as_near_as_with_norms_apart(encoder):
    encoder.float()
    images = pictures(dtype=torch.float32)
    exact = encoder(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        folded, apart = both(encoder, images)
    for found, plain, expected in zip(folded, apart, exact, strict=True):
        assert found.dtype == plain.dtype == torch.bfloat16
        error, plain_error = ((maps - expected).square().mean().sqrt() for maps in (found, plain))
        assert error < 1.5 * plain_error


def test_state_dict_copies_and_pickles_have_no_folded_weights(encoder):
    names = list(encoder.state_dict())
    encoder(pictures())
    assert list(encoder.state_dict()) == names
    assert kept(copy.deepcopy(encoder)) == 0
    assert kept(pickle.loads(pickle.dumps(encoder))) == 0


@pytest.mark.parametrize("change", ["load", "statistics", "assign", "cast"])
def test_changed_weights_are_folded_anew(encoder, change):
    images = pictures()
    before = encoder(images)[-1]
    other = {name: 1.1 * tensor for name, tensor in encoder.state_dict().items()}
    if change == "load":
        encoder.load_state_dict(other)
    elif change == "statistics":
        encoder.visual.layer3[0].bn2.running_mean.add_(0.3)
    elif change == "assign":
        encoder.load_state_dict(other, assign=True)
        freeze(encoder)
    else:
        encoder.half().double()
    found, expected = both(encoder, images)
    torch.testing.assert_close(found[-1], expected[-1], rtol=1e-12, atol=1e-12)
    assert (found[-1] - before).abs().max() > 1e-6


def test_weights_folded_in_inference_mode_serve_training_of_other_parts(encoder):
    with torch.inference_mode():
        encoder(pictures())
    head = nn.Conv2d(256, 1, 1).double()
    head(encoder(pictures())[-1]).sum().backward()
    assert head.weight.grad.abs().sum() > 0


def test_a_model_made_in_inference_mode_is_folded_too(encoder):
    images = pictures()
    with torch.inference_mode():
        encoder.float().double()
        found, expected = both(encoder, images)
    torch.testing.assert_close(found[-1], expected[-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reason", ["training", "weights", "images", "adapter", "meta"])
def test_norms_stay_apart_where_something_needs_them(encoder, reason):
    adapter = (lambda features, _: features) if reason == "adapter" else None
    images = pictures(requires_grad=reason == "images", device="meta" if reason == "meta" else "cpu")
    if reason == "training":
        encoder.train()
    if reason == "weights":
        encoder.visual.layer2[0].conv1.requires_grad_(True)
    if reason == "meta":
        encoder.to("meta")
    maps = encoder(images, adapter)
    assert kept(encoder) == 0
    assert maps[-1].requires_grad == (reason in ("weights", "images"))


def test_maps_have_their_channels_last(encoder):
    for one in encoder(torch.randn(2, 3, 64, 96, dtype=torch.float64)):
        assert one.is_contiguous(memory_format=torch.channels_last)


def test_wide_convolutions_save_multiplications_in_float32_only(encoder, monkeypatch):
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 16)
    seen = []
    convolve = winograd.convolve
    monkeypatch.setattr(
        winograd, "convolve", lambda *parts: seen.append(parts[0].dtype) or convolve(*parts)
    )
    for found, expected in zip(*both(encoder, pictures()), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert not seen
    encoder.float()
    images = pictures(dtype=torch.float32)
    for _ in range(2):  # folded for another way, then kept
        for found, expected in zip(*both(encoder, images), strict=True):
            assert (found - expected).abs().max() <= 2e-6 * expected.abs().max()
    assert seen == [torch.float32] * 2 * 4  # of the 5 blocks, all but those of 8 channels
    seen.clear()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoder(images)
    assert not seen


def test_a_wide_encoder_takes_maps_of_any_size_and_none():
    encoder = ClipImageEncoder(architecture="shapes-rn-wide")
    freeze(encoder)
    for shape in ((2, 3, 64, 64), (1, 3, 80, 80), (2, 3, 64, 64)):  # maps of 4 and of 5 cells a side
        for found, expected in zip(*both(encoder, torch.randn(shape)), strict=True):
            assert (found - expected).abs().max() <= 3e-6 * expected.abs().max()
    layouts = encoder.folded._kept[encoder.visual.layer4[0].conv2]
    weights = {is_winograd: folded.weight for is_winograd, folded in layouts.items()}
    assert set(weights) == {True, False}
    encoder(torch.randn(1, 3, 80, 80))
    assert layouts[False].weight is weights[False]  # folded once for each
    assert encoder.embed_crops(torch.zeros(0, 3, 64, 64)).shape == (0, 64)
