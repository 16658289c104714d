"""What the log says of speed and memory."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from torch import nn

from ovsam.engine.speed import GIB, SpeedHook, peak_of


class Model(nn.Linear):
    """A product of (5, 3) and (3, 2) and its gradient for the weights: 2 x 30 multiply-adds a step."""

    def train_step(self, data):
        loss = self(data).sum()
        loss.backward()
        return {"loss": loss}


@pytest.fixture
def runner(request):
    hub = MessageHub.get_instance(f"speed-{request.node.name}")
    for seconds in (9.0, 0.5, 1.5):  # the first is out of the window
        hub.update_scalar("train/time", seconds)
    log = SimpleNamespace(window_size=2)
    return SimpleNamespace(model=Model(3, 2), cfg={}, message_hub=hub, log_processor=log)


def logged(runner, name):
    return runner.message_hub.get_scalar(f"train/{name}").current()


def after_step(hook, runner, batch=4):
    hook.before_train(runner)
    runner.model.train_step(torch.ones(5, 3))
    runner.model.train_step(torch.ones(5, 3))  # only the first is counted
    hook.after_train_iter(runner, 0, {"data_samples": [None] * batch})


def test_images_a_second_are_those_of_the_last_steps_of_all_processes(runner, monkeypatch):
    after_step(SpeedHook(), runner)
    assert logged(runner, "images_a_second") == 4.0
    monkeypatch.setattr("ovsam.engine.speed.dist.get_world_size", lambda: 3)
    after_step(SpeedHook(), runner)
    assert logged(runner, "images_a_second") == 12.0


def test_memory_is_the_peak_of_the_process_in_gib(runner, monkeypatch):
    monkeypatch.setattr("ovsam.engine.speed.peak_bytes", lambda device: 3 * GIB)
    after_step(SpeedHook(), runner)
    assert logged(runner, "peak_gib") == 3.0


def test_used_part_of_the_peak_is_counted_in_the_first_step(runner):
    after_step(SpeedHook(peak=600.0), runner)
    assert logged(runner, "mfu") == pytest.approx(2 * 60 / 1.0 / 600)
    assert "train_step" not in vars(runner.model)


def test_without_a_known_peak_nothing_is_counted(runner, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    step = runner.model.train_step
    hook = SpeedHook()
    hook.before_train(runner)
    assert runner.model.train_step == step
    after_step(hook, runner)
    assert "train/mfu" not in runner.message_hub.log_scalars


def test_no_time_or_no_samples_log_nothing(runner):
    SpeedHook().after_train_iter(runner, 0, {})
    empty = MessageHub.get_instance("speed-empty")
    SpeedHook().after_train_iter(SimpleNamespace(message_hub=empty), 0, {"data_samples": [None]})
    assert set(runner.message_hub.log_scalars) == {"train/time"}
    assert isinstance(runner.message_hub.get_scalar("train/time"), HistoryBuffer)


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989e12),
        ("NVIDIA A100-SXM4-40GB", "float16", 312e12),
        ("NVIDIA H100 80GB HBM3", "float32", None),
        ("NVIDIA T4", "bfloat16", None),
    ],
)
def test_peaks(name, precision, peak):
    assert peak_of(name, precision) == peak
