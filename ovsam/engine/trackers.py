"""Trackers that a config names: where curves go in addition to a run's own log."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from mmengine.visualization import MLflowVisBackend, TensorboardVisBackend, WandbVisBackend

TRACKERS = ("tensorboard", "wandb", "mlflow")  # named like the packages that they need
PROJECT = "ovsam"


def tracker_backends(names: str | Sequence[str], experiment: str) -> list[dict[str, Any]]:
    """Configs of mmengine's backends for one or several of `TRACKERS`.

    Raises:
        ValueError: unknown name.
        ImportError: its package is not installed.
    """
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in TRACKERS:
            raise ValueError(f"unknown tracker {name!r}; known: {', '.join(TRACKERS)}")
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f"tracker {name!r} needs the package {name}; run: pip install 'ovsam[track]'"
            )
    known: dict[str, dict[str, Any]] = {
        "tensorboard": dict(type=TensorboardVisBackend),
        "wandb": dict(type=WandbVisBackend, init_kwargs=dict(project=PROJECT, name=experiment)),
        "mlflow": dict(type=MLflowVisBackend, exp_name=PROJECT, run_name=experiment),
    }
    return [known[name] for name in names]
