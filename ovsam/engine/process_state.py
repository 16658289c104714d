"""What each process of a run must find again to go on exactly: random states, unfinished gradients."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine import dist
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn


def random_state() -> dict[str, Any]:
    """State of the global generators of Python, NumPy, torch and this process's GPU, if it has one."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002, other people's code may draw from it
    state = {
        "python": random.getstate(),
        "numpy": (kind, keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """The reverse of `random_state`."""
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def kept_random_state() -> Iterator[None]:
    """What draws from the global generators inside does not change what is drawn after it."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)


def states_of_processes(runner: Runner) -> dict[str, Any]:
    """For a checkpoint; all processes must call it.

    Returns:
        `batch`, images per iteration of all processes together; `random`, one state per process;
        `gradients`, by parameter per process, where batches wait for the step that they accumulate to.
    """
    states = dist.all_gather_object((random_state(), _waiting_gradients(runner)))
    return {
        "batch": _global_batch(runner),
        "random": [state for state, _ in states],
        "gradients": [gradients for _, gradients in states],
    }


def restore(runner: Runner, states: dict[str, Any]) -> None:
    """Give this process its state of a checkpoint.

    Another number of processes is warned of: the images come in the same order, but processes that the
    checkpoint does not know begin with random states of their own.

    Raises:
        ValueError: the batches have another size than those of the checkpoint.
    """
    known, rank = states["random"], dist.get_rank()
    batch = _global_batch(runner)
    if batch != states["batch"]:
        raise ValueError(
            f"the checkpoint is of a training with {states['batch']} images per batch ({len(known)}"
            f" processes), got {batch} ({runner.world_size} processes); set"
            f" train_dataloader.batch_size={states['batch'] / runner.world_size:g}"
        )
    if len(known) != runner.world_size:
        runner.logger.warning(
            f"resumed on {runner.world_size} processes what {len(known)} processes began: the images"
            " come in the same order, but the result is not the same bit by bit"
        )
    _restore_gradients(runner, states["gradients"])
    if rank < len(known):
        set_random_state(known[rank])


def _global_batch(runner: Runner) -> int:
    return runner.train_dataloader.batch_size * runner.world_size


def _parameters(runner: Runner) -> dict[str, nn.Parameter]:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return dict(model.named_parameters())


def _waiting_gradients(runner: Runner) -> dict[str, torch.Tensor]:
    wrapper = runner.optim_wrapper
    if not isinstance(wrapper, OptimWrapper) or wrapper.should_update():
        return {}
    gradients = {name: parameter.grad for name, parameter in _parameters(runner).items()}
    return {name: gradient.cpu() for name, gradient in gradients.items() if gradient is not None}


def _restore_gradients(runner: Runner, saved: list[dict[str, torch.Tensor]]) -> None:
    """Each process its own; other processes than before their mean, as their step averages them."""
    own = [saved[dist.get_rank()]] if len(saved) == runner.world_size else saved
    for name, parameter in _parameters(runner).items():
        found = [gradients[name] for gradients in own if name in gradients]
        if found:
            parameter.grad = (sum(found[1:], found[0]) / len(own)).to(parameter)
