"""Runner: mmengine's Runner with the project's model builder, part weights and atomic checkpoints."""

import os
import tempfile
from pathlib import Path
from typing import Any

import mmengine.runner
import torch
from mmengine.config import Config
from mmengine.dist import is_distributed, master_only
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from torch import nn

from ovsam.registry import build_model
from ovsam.weights import load_parts


class Runner(mmengine.runner.Runner):
    """Drives training and testing of every experiment.

    Differs from mmengine's Runner in three ways: nested parts of a model are built by
    `registry.build_model`; the weights that `initial_weights` names are loaded into the parts of a new
    model, strictly; a checkpoint is complete under its name or not there at all.
    """

    @classmethod
    def from_config(cls, config: Config) -> "Runner":
        """Build from a loaded config whose `work_dir` is set."""
        return cls.from_cfg(config)

    @property
    def bare_model(self) -> nn.Module:
        """The model itself, whatever wraps it on several processes."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """As mmengine's; on a machine without GPU the processes that torchrun started meet over gloo."""
        if self.launcher == "pytorch" and not is_distributed() and not torch.cuda.is_available():
            torch.distributed.init_process_group("gloo")  # mmengine's own start asks for a CUDA device
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """As mmengine's; on a machine without GPU, data parallel over CPU processes."""
        if model_wrapper_cfg or not self.distributed or torch.cuda.is_available():
            return super().wrap_model(model_wrapper_cfg, model)
        unused = self.cfg.get("find_unused_parameters", False)
        return MMDistributedDataParallel(model, broadcast_buffers=False, find_unused_parameters=unused)

    def build_model(self, model: nn.Module | dict[str, Any]) -> nn.Module:
        """Build `model` depth first and load its initial weights (none where the config has none)."""
        built = model if isinstance(model, nn.Module) else build_model(model)
        initial_weights = self.cfg.get("initial_weights") or {}
        self.weight_digests = load_parts(
            built, initial_weights, self.cfg.get("weights_root", "work_dirs")
        )
        return built

    def load_checkpoint(self, filename: str, *_: Any, **__: Any) -> Any:
        """Load strictly: a missing or unexpected tensor is an error, never a warning."""
        return super().load_checkpoint(filename, map_location="cpu", strict=True)

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **options: Any) -> None:
        """Write beside the final name, flush to disk, then rename."""
        folder = Path(out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{filename}.", dir=folder)
        os.close(handle)
        try:
            super().save_checkpoint(out_dir, Path(partial).name, *args, **options)
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, folder / filename)
        finally:
            Path(partial).unlink(missing_ok=True)
