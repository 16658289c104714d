import pytest
import torch
from torch import nn

from ovsam.models.freezing import FrozenParts, freeze


class Model(FrozenParts, nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.head = nn.ModuleDict({"inner": nn.Linear(3, 2), "norm": nn.BatchNorm1d(2)})


def test_frozen_parts_stay_in_eval_mode_and_without_gradients():
    model = Model()
    model.freeze_parts("encoder", "head.inner")
    assert model.train() is model
    assert model.training
    assert model.head["norm"].training
    assert not any(m.training for m in model.encoder.modules())
    assert not model.head["inner"].training
    trainable = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trainable == ["head.norm.weight", "head.norm.bias"]


def test_batch_statistics_of_a_frozen_part_do_not_move():
    model = Model()
    model.freeze_parts("encoder")
    model.train()
    before = model.encoder[0].running_mean.clone()
    model.encoder(torch.randn(8, 3) + 5)
    torch.testing.assert_close(model.encoder[0].running_mean, before)


def test_mode_of_an_outer_model_does_not_reach_the_frozen_parts():
    model = Model()
    model.freeze_parts("encoder")
    nn.Sequential(model).train()
    assert not model.encoder.training
    assert model.head.training


def test_parts_frozen_later_join_the_earlier_ones():
    model = Model()
    model.freeze_parts("encoder")
    model.freeze_parts("head")
    model.train()
    assert not model.encoder.training
    assert not model.head.training


def test_unknown_part():
    with pytest.raises(AttributeError, match="neck"):
        Model().freeze_parts("neck")


def test_freeze_alone():
    layer = nn.Linear(2, 2)
    freeze(layer)
    assert not layer.training
    assert not layer.weight.requires_grad
