"""Optimizers with few groups of parameters, in one kernel where there is a GPU."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn
from torch.optim import Adam, AdamW

FUSED = (Adam, AdamW, "Adam", "AdamW")


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class FewGroupsConstructor(DefaultOptimWrapperConstructor):
    """As mmengine's, with one group of all parameters that have the same settings.

    mmengine makes a group of every parameter, and a fused optimizer takes a call for every group.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """The wrapper with its optimizer, whose groups are plain dicts: mmengine's own answer slowly."""
        wrapper = super().__call__(model)
        wrapper.optimizer.param_groups[:] = map(dict, wrapper.optimizer.param_groups)
        return wrapper

    def add_params(
        self,
        params: list[dict[str, Any]],
        module: nn.Module,
        prefix: str = "",
        is_dcn_module: int | float | None = None,
    ) -> None:
        """Add the groups of a module; those of the whole model, merged."""
        super().add_params(params, module, prefix, is_dcn_module)
        if not prefix:
            defaults = {"lr": self.base_lr, "weight_decay": self.base_wd}
            given = {name: value for name, value in defaults.items() if value is not None}
            params[:] = merged([{**given, **group} for group in params])


def fused(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """The config of an optimizer; with a GPU, Adam and AdamW are fused unless it says otherwise."""
    pays = torch.cuda.is_available() and optimizer.get("type") in FUSED
    return {**({"fused": True} if pays else {}), **optimizer}


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
