"""Trackers by name."""

import pytest
from mmengine.visualization import TensorboardVisBackend, WandbVisBackend

from ovsam.engine import runner


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: object())


def test_names_become_backends(installed):
    board, wandb = runner.tracker_backends(["tensorboard", "wandb"], "ovsam/x")
    assert board == dict(type=TensorboardVisBackend)
    assert wandb == dict(type=WandbVisBackend, init_kwargs=dict(project="ovsam", name="ovsam/x"))
    assert runner.tracker_backends("tensorboard", "x") == [board]
    assert runner.tracker_backends([], "x") == []


def test_unknown_tracker_is_refused(installed):
    with pytest.raises(ValueError, match="unknown tracker 'tensorbord'; known: tensorboard"):
        runner.tracker_backends("tensorbord", "x")


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"package wandb; run: pip install 'ovsam\[track\]'"):
        runner.tracker_backends(["wandb"], "x")
