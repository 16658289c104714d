"""Trackers by name."""

import pytest
from mmengine.visualization import TensorboardVisBackend, WandbVisBackend

from ovsam.engine import trackers


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: object())


def test_names_become_backends(installed):
    board, wandb = trackers.tracker_backends(["tensorboard", "wandb"], "ovsam/x")
    assert board == dict(type=TensorboardVisBackend)
    assert wandb == dict(type=WandbVisBackend, init_kwargs=dict(project="ovsam", name="ovsam/x"))
    assert trackers.tracker_backends("tensorboard", "x") == [board]
    assert trackers.tracker_backends([], "x") == []


def test_unknown_tracker_is_refused(installed):
    with pytest.raises(ValueError, match="unknown tracker 'tensorbord'; known: tensorboard"):
        trackers.tracker_backends("tensorbord", "x")


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"package wandb; run: pip install 'ovsam\[track\]'"):
        trackers.tracker_backends(["wandb"], "x")
