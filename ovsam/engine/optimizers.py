"""Optimizers with few groups of parameters."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class FewGroupsConstructor(DefaultOptimWrapperConstructor):
    """As mmengine's, with one group of all parameters that have the same settings.

    mmengine makes a group of every parameter, and a fused optimizer takes a call for every group.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """The wrapper with its optimizer; nothing of it has taken a step."""
        wrapper = super().__call__(model)
        wrapper.optimizer.param_groups[:] = merged(wrapper.optimizer.param_groups)
        return wrapper


def merged(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One group in place of those that differ in `params` only, where the first of them stood."""
    found: list[dict[str, Any]] = []
    for group in groups:
        settings = {key: value for key, value in group.items() if key != "params"}
        for other in found:
            if settings == {key: value for key, value in other.items() if key != "params"}:
                other["params"].extend(group["params"])
                break
        else:
            found.append({**settings, "params": list(group["params"])})
    return found
