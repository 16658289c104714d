"""Runner: mmengine's Runner with the project's model builder, part weights and atomic checkpoints."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmengine.runner
import torch
from mmengine import dist
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed, master_only
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop
from mmengine.visualization import Visualizer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ovsam.datasets.joint_sampler import JointSampler
from ovsam.engine.checkpoint_hook import CheckpointHook
from ovsam.engine.checkpoints import (
    newest_verified,
    read_training,
    why_not_verified,
    written_with_checksum,
)
from ovsam.engine.guards import HeartbeatHook, WarningHook
from ovsam.engine.loops import EpochLoop, IterLoop, ValLoop
from ovsam.engine.optimizers import FewGroupsConstructor, fused
from ovsam.engine.precision import check_precision, optimiser_config, run_in
from ovsam.engine.progress_bar import ProgressBarHook
from ovsam.engine.signals import Stopped, StopRequest
from ovsam.engine.speed import SpeedHook
from ovsam.engine.trackers import tracker_backends
from ovsam.ops.compiling import compile_parts
from ovsam.registry import HOOKS, build_model
from ovsam.weights import load_parts, load_strict


@HOOKS.register_module()
class AverageLossHook(Hook):
    """Averages the parsed losses of a step over all processes, before any other hook reads them.

    Every loss here is a sum over the process's own instances divided by a count that is averaged over
    the processes, so the average is what one process computes on the whole batch.
    """

    priority = "HIGHEST"

    def after_train_iter(
        self,
        runner: mmengine.runner.Runner,
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


class Runner(mmengine.runner.Runner):
    """Drives training and testing of every experiment.

    Differs from mmengine's Runner: nested parts of a model are built by `registry.build_model`; the
    weights that `initial_weights` names are loaded into the parts of a new model, strictly; a run
    resumes exactly, from the newest checkpoint that verifies, and saves and ends when a signal asks for
    it; what is logged is the loss of the global batch. Keys of the config of its own: `precision` (see
    `engine.precision`), `compile` (bool, see `ops.compiling`), `trackers` (see `engine.trackers`),
    `find_unused_parameters`, `save_every` (`iters`, `minutes`: checkpoints between the config's
    intervals), `skip_bad_steps` (see `LossGuardHook`).
    """

    resumed_states: dict[str, Any] | None = None  # of the processes, until the first batch is read

    @classmethod
    def from_config(cls, config: Config) -> "Runner":
        """Build from a loaded config whose `work_dir` is set.

        Raises:
            ValueError: unknown precision or tracker, or `compile` is not a bool.
            ImportError: the package of a tracker is not installed.
        """
        check_precision(config.get("precision", "float32"))
        if not isinstance(config.get("compile", False), bool):
            raise ValueError(f"compile must be True or False, got {config.compile!r:.80}")
        runner = cls.from_cfg(config)
        runner.stop_request, runner.heartbeat = StopRequest(), HeartbeatHook()
        runner.register_hook(AverageLossHook())
        runner.progress_bar = ProgressBarHook()
        runner.register_hook(runner.progress_bar)
        runner.register_hook(SpeedHook())
        runner.register_hook(WarningHook())
        runner.register_hook(runner.heartbeat)
        return runner

    def train(self) -> nn.Module:
        """As mmengine's; the terminal is given back also after an error.

        Returns early, with a checkpoint, when SIGTERM or SIGUSR1 asks for it.
        """
        try:
            with self.stop_request.heard():
                super().train()
            self.heartbeat.write(self, "finished")
        except Stopped as stopped:
            self.logger.warning(f"{stopped}; --resume goes on from it")
            self.stop_request.ask_for_requeue()
            self.heartbeat.write(self, "stopped")
        except BaseException as error:
            self.heartbeat.write(self, "failed", error=f"{type(error).__name__}: {error}")
            raise
        finally:
            self.progress_bar.close()
        return self.model

    def test(self) -> dict[str, float]:
        """As mmengine's; the terminal is given back also after an error."""
        try:
            return super().test()
        finally:
            self.progress_bar.close()

    @property
    def bare_model(self) -> nn.Module:
        """The model itself, whatever wraps it on several processes."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """As mmengine's; on a machine without GPU the processes of torchrun or srun meet over gloo."""
        starts = self.launcher in ("pytorch", "slurm") and not is_distributed()
        if starts and not torch.cuda.is_available():
            if self.launcher == "slurm":
                os.environ.update(slurm_ranks(os.environ))
            torch.distributed.init_process_group("gloo")  # mmengine's own start asks for a CUDA device
        super().setup_env(env_cfg)

    def build_logger(self, *args: Any, **options: Any) -> MMLogger:
        """As mmengine's; a run that began in the same second in another folder keeps what is its own.

        mmengine keeps logger, message hub and visualizer by a name that ends in the second of the start.
        """
        for kind in (MMLogger, MessageHub, Visualizer):
            kind._instance_dict.pop(self.experiment_name, None)
        return super().build_logger(*args, **options)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """As mmengine's; on a machine without GPU, data parallel over CPU processes.

        A model in which nothing trains, such as a baseline, has nothing to share and is not wrapped.
        """
        trains = any(parameter.requires_grad for parameter in model.parameters())
        if self.distributed and not trains and not model_wrapper_cfg:
            return model.to(get_device())
        if model_wrapper_cfg or not self.distributed or torch.cuda.is_available():
            return super().wrap_model(model_wrapper_cfg, model)
        unused = self.cfg.get("find_unused_parameters", False)
        return MMDistributedDataParallel(model, broadcast_buffers=False, find_unused_parameters=unused)

    def build_model(self, model: nn.Module | dict[str, Any]) -> nn.Module:
        """Build `model` depth first and load its initial weights (none where the config has none)."""
        built, self.weight_digests = with_initial_weights(model, self.cfg)
        self._prepare(built)
        return built

    def build_another(self, config: Config) -> tuple[nn.Module, dict[str, str]]:
        """The model that a runner of another config builds, drawn alike; and sha256 by source."""
        self.set_randomness(**config.randomness)
        return with_initial_weights(config.model, config)

    def answer_with(self, model: nn.Module) -> None:
        """Test `model` from now on, as the config's runs, instead of the config's."""
        self._prepare(model)
        self.model = self.wrap_model(self.cfg.get("model_wrapper_cfg"), model)

    def _prepare(self, model: nn.Module) -> None:
        run_in(model, self.cfg.get("precision", "float32"))
        if self.cfg.get("compile", False):
            compile_parts(model)

    def _maybe_compile(self, target: str) -> None:
        """Not mmengine's, which compiles the whole model, with all that reads values on the host."""

    def register_hook(self, hook: Hook | dict[str, Any], priority: Any = None) -> None:
        """As mmengine's; with the project's hook where a config names mmengine's `CheckpointHook`."""
        if isinstance(hook, dict) and hook["type"] in ("CheckpointHook", mmengine.hooks.CheckpointHook):
            every = {f"every_{unit}": count for unit, count in self.cfg.get("save_every", {}).items()}
            hook = {**hook, "type": CheckpointHook, **every}
        super().register_hook(hook, priority)

    def build_train_loop(self, loop: Any) -> BaseLoop:
        """As mmengine's; a loop that begins anywhere in an epoch.

        Raises:
            ValueError: there are too few images for one batch.
        """
        if isinstance(loop, dict) and "by_epoch" in loop:
            loop = {**loop, "type": EpochLoop if loop["by_epoch"] else IterLoop}
            del loop["by_epoch"]
        built = super().build_train_loop(loop)
        loader: Any = built.dataloader
        if len(loader) == 0:
            raise ValueError(
                f"{len(loader.dataset)} training images are fewer than a batch of"
                f" {self.world_size * loader.batch_size}; lower train_dataloader.batch_size"
            )
        return built

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict[str, Any], seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """As mmengine's; a `JointSampler` gets the loader's batch size.

        With a GPU, images wait in pinned memory: the host does not wait for their copy.
        """
        if isinstance(dataloader, dict):
            dataloader = dataloader.copy()
            dataloader.setdefault("pin_memory", torch.cuda.is_available())
            sampler = dataloader.get("sampler")
            if isinstance(sampler, dict) and sampler["type"] in (JointSampler, JointSampler.__name__):
                dataloader["sampler"] = {**sampler, "batch_size": dataloader["batch_size"]}
        return mmengine.runner.Runner.build_dataloader(dataloader, seed, diff_rank_seed)

    def build_val_loop(self, loop: Any) -> BaseLoop:
        """As mmengine's; a loop that leaves the training as it is."""
        if isinstance(loop, dict) and "type" not in loop:
            loop = {**loop, "type": ValLoop}
        return super().build_val_loop(loop)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """As mmengine's; see `engine.optimizers`, and `engine.precision` for float16."""
        if isinstance(optim_wrapper, dict):
            optim_wrapper = optimiser_config(optim_wrapper, self.cfg.get("precision", "float32"))
            if isinstance(optim_wrapper.get("optimizer"), dict):
                optim_wrapper["optimizer"] = fused(optim_wrapper["optimizer"])
                optim_wrapper.setdefault("constructor", FewGroupsConstructor)
        return super().build_optim_wrapper(optim_wrapper)

    def scale_lr(self, optim_wrapper: OptimWrapper, auto_scale_lr: dict[str, Any] | None = None) -> None:
        """Learning rate times images per step / `base_batch_size`, where `auto_scale_lr` is enabled.

        Unlike mmengine's, counts the batches that are accumulated to one step.
        """
        if not auto_scale_lr or not auto_scale_lr.get("enable"):
            return
        loader: Any = self._train_dataloader
        per_process = loader["batch_size"] if isinstance(loader, dict) else loader.batch_size
        batches = optim_wrapper._accumulative_counts
        images = self.world_size * per_process * batches
        factor = images / auto_scale_lr["base_batch_size"]
        self.logger.info(
            f"learning rate times {factor:g}: {images} images per step ({self.world_size} processes x"
            f" {per_process} x {batches} accumulated), meant for {auto_scale_lr['base_batch_size']}"
        )
        for group in optim_wrapper.optimizer.param_groups:
            group["lr"] *= factor

    def build_visualizer(self, visualizer: Visualizer | dict[str, Any] | None = None) -> Visualizer:
        """As mmengine's, with the config's trackers."""
        if isinstance(visualizer, dict):
            added = tracker_backends(self.cfg.get("trackers") or [], self.experiment_name)
            backends = [*(visualizer.get("vis_backends") or []), *added]
            visualizer = {**visualizer, "vis_backends": backends}
        return super().build_visualizer(visualizer)

    def load_or_resume(self) -> None:
        """As mmengine's; resumes from the newest checkpoint that verifies, and says which it skips.

        Raises:
            ValueError: no checkpoint verifies, or not the one that is asked for.
        """
        if self._resume and not self._has_loaded:
            if self._load_from is None:
                self._load_from = self._newest_checkpoint()
                self._resume = self._load_from is not None
            elif reason := why_not_verified(Path(self._load_from)):
                raise ValueError(f"{self._load_from} is not resumed from: {reason}")
        super().load_or_resume()

    def _newest_checkpoint(self) -> str | None:
        """What the main process finds, for all processes."""
        found, skipped = newest_verified(self.work_dir) if self.rank == 0 else (None, {})
        for path, reason in skipped.items():
            self.logger.warning(f"skipped checkpoint {path}: {reason}")
        told = [str(found) if found else None]
        dist.broadcast_object_list(told)
        self.logger.info(f"resumes from {told[0]}" if told[0] else "no checkpoint yet: starts anew")
        return told[0]

    def resume(self, filename: str, *args: Any, **options: Any) -> None:
        """As mmengine's; the processes find their states when they read their first batch.

        Raises:
            ValueError: also if the optimizer's groups of parameters are not those of the checkpoint.
        """
        try:
            super().resume(filename, *args, **options)
        except ValueError as error:
            if "parameter groups" not in str(error):
                raise
            raise ValueError(
                f"{filename} has other groups of parameters than this optimizer ({error}): it is of"
                " another config, or of an earlier version, whose runs go on with --cfg-options"
                " optim_wrapper.constructor=DefaultOptimWrapperConstructor"
            ) from None
        self.resumed_states = self._loaded_states

    def load_checkpoint(self, filename: str, *_: Any, **__: Any) -> Any:
        """Load safely and strictly: a missing or unexpected tensor is an error, never a warning.

        Raises:
            FileNotFoundError, WeightsError: see `read_training`, or another model's.
        """
        loaded = read_training(filename)  # mmengine's own reading runs code where the safe way fails
        self.call_hook("after_load_checkpoint", checkpoint=loaded)
        load_strict(self.bare_model, loaded.get("state_dict", loaded), origin=filename)
        self._has_loaded = True
        self._loaded_states = loaded.get("processes")
        self.logger.info(f"loaded checkpoint {filename}")
        return loaded

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **options: Any) -> None:
        """As mmengine's; complete under its name with its checksum beside it, or not there at all."""
        with written_with_checksum(Path(out_dir, filename)) as partial:
            super().save_checkpoint(out_dir, partial.name, *args, **options)


def with_initial_weights(
    model: nn.Module | dict[str, Any], config: Config
) -> tuple[nn.Module, dict[str, str]]:
    """Build `model` with the `initial_weights` of its config, and give their sha256 by source."""
    built = model if isinstance(model, nn.Module) else build_model(model)
    root = config.get("weights_root", "work_dirs")
    return built, load_parts(built, config.get("initial_weights") or {}, root)


def slurm_ranks(environment: Mapping[str, str]) -> dict[str, str]:
    """torch.distributed's variables of a process that srun started with `environment`.

    Raises:
        ValueError: several nodes, and MASTER_ADDR does not say which is the first.
    """
    if "MASTER_ADDR" not in environment and environment.get("SLURM_NNODES", "1") != "1":
        raise ValueError(
            "several nodes need MASTER_ADDR, the first node's name; tools/launch.sh sets it"
        )
    return {
        "RANK": environment["SLURM_PROCID"],
        "LOCAL_RANK": environment.get("SLURM_LOCALID", "0"),
        "WORLD_SIZE": environment["SLURM_NTASKS"],
        "MASTER_ADDR": environment.get("MASTER_ADDR", "127.0.0.1"),
        "MASTER_PORT": environment.get("MASTER_PORT", "29500"),
    }
