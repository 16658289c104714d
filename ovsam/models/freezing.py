"""Freezing: one rule for parts that never train."""

from torch import nn


def freeze(module: nn.Module) -> None:
    """No gradients and eval mode (batch statistics fixed, no dropout) for the whole of `module`.

    Eval mode lasts until someone calls `module.train()`; a parent of class `FrozenParts` keeps it.
    """
    module.requires_grad_(False)
    module.eval()


class FrozenParts:
    """Mixin that keeps the parts named in `frozen_parts` frozen, whatever the mode of the whole.

    Put it before the module class, and call `freeze_parts` at the end of `__init__`.
    """

    frozen_parts: tuple[str, ...] = ()

    def freeze_parts(self, *paths: str) -> None:
        """Freeze the submodules at `paths` ("neck", "decoder.mlp", ...) from now on."""
        for path in paths:
            freeze(self.get_submodule(path))
        self.frozen_parts = tuple(dict.fromkeys((*self.frozen_parts, *paths)))

    def train(self, mode: bool = True) -> "FrozenParts":
        """As `nn.Module.train`, but the frozen parts stay in eval mode."""
        super().train(mode)
        for path in self.frozen_parts:
            self.get_submodule(path).eval()
        return self
