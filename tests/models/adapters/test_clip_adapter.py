"""Adapter2: convolutions along a frozen ResNet."""

import pytest
import torch

from ovsam.models.adapters.clip_adapter import ClipConvAdapter
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.freezing import freeze

WIDTHS = (4, 5, 6, 7)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = ClipImageEncoder(architecture="shapes-rn")
    freeze(encoder)
    return encoder


@pytest.fixture
def adapter(encoder):
    return ClipConvAdapter(in_channels=encoder.out_channels, widths=WIDTHS)


IMAGES = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_changes_nothing_before_it_learns(encoder, adapter):
    for adapted, plain in zip(encoder(IMAGES, adapter=adapter), encoder(IMAGES), strict=True):
        torch.testing.assert_close(adapted, plain)


def test_a_stage_is_read_by_the_next_ones_only(encoder, adapter):
    with torch.no_grad():
        adapter.blocks[1].layers[-1].bias.fill_(0.5)
    adapted, plain = encoder(IMAGES, adapter=adapter), encoder(IMAGES)
    torch.testing.assert_close(adapted[0], plain[0])
    torch.testing.assert_close(adapted[1], plain[1] + 0.5)
    assert not torch.allclose(adapted[2], plain[2])
    assert not torch.allclose(adapted[3], plain[3])


def test_gradients_reach_every_block_and_no_frozen_weight(encoder, adapter):
    encoder(IMAGES, adapter=adapter)[-1].square().mean().backward()
    assert all(block.layers[-1].weight.grad.abs().sum() > 0 for block in adapter.blocks)
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_stages_computed_anew_give_the_same_gradients(encoder, adapter, monkeypatch):
    def gradient():
        adapter.zero_grad()
        encoder(IMAGES, adapter=adapter)[-1].square().mean().backward()
        return adapter.blocks[0].layers[-1].weight.grad.clone()

    anew = gradient()
    monkeypatch.setattr(
        "ovsam.models.checkpointing.checkpoint", lambda stage, features, **_: stage(features)
    )
    torch.testing.assert_close(anew, gradient())


def test_needs_a_resnet_and_one_width_per_stage():
    with pytest.raises(ValueError, match="expected 4 widths"):
        ClipConvAdapter(in_channels=(3, 4, 5, 6), widths=(1, 2))
    with torch.device("meta"):
        vit = ClipImageEncoder(architecture="ViT-B-16")
        with pytest.raises(ValueError, match="ResNet"):
            vit(torch.zeros(1, 3, 32, 32), adapter=lambda features, stage: features)
