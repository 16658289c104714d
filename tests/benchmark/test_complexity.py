"""Multiply-adds and parameters against counts by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ovsam.benchmark import complexity


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(6, 18, bias=False)

    def forward(self, tokens):
        q, k, v = self.project(tokens).chunk(3, dim=-1)
        return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]


class Model(nn.Module):
    """Both convolutions, attention, a text tower, and a product that stands in no part."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.upsample = nn.ConvTranspose2d(4, 6, 2, stride=2)
        self.attention = Attention()
        self.text_encoder = nn.Linear(7, 11)
        self.register_buffer("weights_of_nothing", torch.zeros(100))

    def forward_complexity(self, num_prompts):
        device = self.weights_of_nothing.device
        maps = self.backbone(torch.zeros(1, 3, 5, 7, device=device))
        tokens = self.upsample(maps).flatten(2).transpose(1, 2)  # (1, 140, 6)
        self.text_encoder(torch.zeros(2, 7, device=device))
        self.attention(tokens)
        return torch.zeros(num_prompts, 6, device=device) @ tokens[0].T


EXPECTED = {
    "backbone": (4 * 3 * 9 + 4 + 8, 5 * 7 * 4 * 3 * 9),
    "upsample": (4 * 6 * 4 + 6, 5 * 7 * 4 * 6 * 4),
    "attention": (6 * 18, 140 * 6 * 18 + 2 * 140 * 140 * 6),
    "other": (0, 3 * 6 * 140),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_counts_equal_those_by_hand(device):
    with torch.device(device):
        model = Model()
    found = complexity.measure(model, num_prompts=3)
    assert {name: (part.params, part.macs) for name, part in found.parts.items()} == EXPECTED
    assert found.macs == sum(macs for _, macs in EXPECTED.values())
    assert found.params == sum(params for params, _ in EXPECTED.values())


def test_fused_multihead_attention_is_seen():
    layer = nn.MultiheadAttention(8, 2, batch_first=True, bias=False)
    model = nn.ModuleDict({"pool": layer})
    tokens = torch.zeros(1, 5, 8)
    found = complexity.measure(model, 1, run=lambda: layer(tokens, tokens, tokens, need_weights=False))
    assert found.macs == 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8


def test_training_mode_is_put_back_and_statistics_stay():
    model = Model().train()
    before = model.backbone[1].running_mean.clone()
    complexity.count(model, num_prompts=2)
    assert model.training
    assert model.backbone[1].training
    assert torch.equal(model.backbone[1].running_mean, before)


def test_model_without_a_way_to_run_is_refused():
    with pytest.raises(ValueError, match="forward_complexity"):
        complexity.measure(nn.Linear(2, 3), num_prompts=1)
    with pytest.raises(ValueError, match="1 or more"):
        complexity.measure(Model(), num_prompts=0)
