"""The losses that a run logs are those of the global batch, not of the first process's share."""

from typing import Any

import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ovsam.registry import HOOKS


@HOOKS.register_module()
class AverageLossHook(Hook):
    """Averages the parsed losses of a step over all processes, before any other hook reads them.

    Every loss here is a sum over the process's own instances divided by a count that is averaged over
    the processes, so the average is what one process computes on the whole batch.
    """

    priority = "HIGHEST"

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Replace the values in `outputs`, which mmengine hands from hook to hook."""
        if not outputs or dist.get_world_size() == 1:
            return
        names = sorted(name for name, value in outputs.items() if isinstance(value, Tensor))
        means = torch.stack([outputs[name].detach().float() for name in names])
        dist.all_reduce(means, op="mean")
        outputs.update(zip(names, means.unbind(), strict=True))
