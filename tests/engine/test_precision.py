"""Precision: what runs in half, and what is refused."""

import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper

from ovsam.engine.precision import optimiser_config, run_in


def test_calls_run_in_the_precision_and_weights_stay():
    inputs = torch.randn(4, 3)
    results = {}
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        run_in(model, precision)
        results[precision] = model(inputs)
        assert model.weight.dtype == torch.float32
    assert results["float32"].dtype == torch.float32
    assert results["bfloat16"].dtype == torch.bfloat16
    torch.testing.assert_close(results["bfloat16"].float(), results["float32"], rtol=0.02, atol=0.02)


def test_an_outer_context_that_switches_autocast_off_does_not_count():
    """mmengine's test loop runs every batch in such a context."""
    model = torch.nn.Linear(3, 2)
    run_in(model, "bfloat16")
    with torch.autocast("cpu", enabled=False):
        assert model(torch.zeros(1, 3)).dtype == torch.bfloat16


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="one of float32, bfloat16, float16, got 'half'"):
        run_in(torch.nn.Linear(3, 2), "half")


def test_float16_scales_the_loss_and_needs_a_gpu(monkeypatch):
    config = dict(type=OptimWrapper, accumulative_counts=2)
    assert optimiser_config(config, "bfloat16") == config
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="float16 trains on a GPU only"):
        optimiser_config(config, "float16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    changed = optimiser_config(config, "float16")
    assert changed == dict(type=AmpOptimWrapper, dtype="float16", accumulative_counts=2)
    assert config["type"] is OptimWrapper
    with pytest.raises(ValueError, match="brings its own AmpOptimWrapper"):
        optimiser_config(dict(type="MyWrapper"), "float16")
