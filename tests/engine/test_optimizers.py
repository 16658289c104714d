"""One group of parameters for each kind of settings; the steps are those of mmengine's."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.optim import SGD, AdamW

from ovsam.engine.optimizers import FewGroupsConstructor, fused
from ovsam.engine.runner import Runner

PARAMWISE = dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys={"2": dict(lr_mult=0.1)})


def trained(model, *, few, optimizer, steps=3):
    config = dict(optimizer=optimizer, paramwise_cfg=PARAMWISE, clip_grad=dict(max_norm=0.5))
    if few:
        config["constructor"] = FewGroupsConstructor
    wrapper = build_optim_wrapper(model, ConfigDict(config))
    for step in range(steps):
        inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(step)).double()
        wrapper.update_params(model(inputs).square().mean())
    return wrapper.optimizer.param_groups


@pytest.mark.parametrize(
    "optimizer",
    [
        dict(type=AdamW, lr=1e-2, weight_decay=0.5, fused=True),
        dict(type=SGD, lr=1e-1, momentum=0.9, weight_decay=0.5),
    ],
)
def test_steps_are_those_of_a_group_for_each_parameter(optimizer):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.Linear(8, 2), nn.Linear(2, 2)).double()
    model[3].weight.requires_grad_(False)
    other = copy.deepcopy(model)
    many, few = (trained(m, few=f, optimizer=optimizer) for m, f in ((model, False), (other, True)))
    torch.testing.assert_close(list(other.parameters()), list(model.parameters()))
    assert len(many) == 7
    assert [(group["lr"], group["weight_decay"]) for group in few] == [
        (optimizer["lr"], 0.5),
        (optimizer["lr"], 0.0),
        (optimizer["lr"] * 0.1, 0.5),  # of a custom key, biases decay, too
    ]
    assert {id(p) for group in few for p in group["params"]} == {
        id(p) for p in other.parameters() if p.requires_grad
    }
    assert all(type(group) is dict for group in few)  # one of mmengine's own answers slowly


def test_the_runner_makes_few_groups_unless_the_config_says_otherwise(tmp_path):
    for constructor, number in ((None, 1), ("DefaultOptimWrapperConstructor", 2)):
        runner = Runner(
            model=nn.Linear(2, 2),
            work_dir=str(tmp_path / str(number)),
            experiment_name=f"groups_{number}",
        )
        asked = dict(
            optimizer=dict(type=SGD, lr=1.0, weight_decay=0.1), paramwise_cfg=dict(bias_decay_mult=1.0)
        )
        if constructor:
            asked["constructor"] = constructor
        assert len(runner.build_optim_wrapper(asked).optimizer.param_groups) == number


def test_adam_is_fused_where_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "fused" not in fused(dict(type=AdamW, lr=1))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert fused(dict(type=AdamW, lr=1)) == dict(type=AdamW, lr=1, fused=True)
    assert fused(dict(type="AdamW", fused=False)) == dict(type="AdamW", fused=False)
    assert "fused" not in fused(dict(type=SGD, lr=1))
