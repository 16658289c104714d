"""Hooks of every run: epochs, progress, guards, final weights."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

from mmengine import dist
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from torch import Tensor

from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.engine.guards import GradientGuard
from ovsam.engine.lineage import training_metadata
from ovsam.engine.runner import Runner
from ovsam.registry import HOOKS
from ovsam.weights import Source, save_weights
from ovsam.weights.licences import licence_of_sources
from ovsam.weights.shipped import WORLD


@HOOKS.register_module()
class SetEpochHook(Hook):
    """Tells the training set its epoch, from which (with seed and image id) all its randomness comes."""

    priority = "VERY_HIGH"

    def before_train_epoch(self, runner: Runner) -> None:
        """Called before the loader of the epoch is opened."""
        dataset = runner.train_dataloader.dataset
        if hasattr(dataset, "set_epoch"):
            dataset.set_epoch(runner.epoch)


@HOOKS.register_module()
class LossGuardHook(Hook):
    """Stops a run at a loss or gradients that are not finite: FloatingPointError with the images.

    The config's `skip_bad_steps` lets so many batches pass. No step is taken with such gradients.
    """

    def __init__(self) -> None:
        self.gradients: GradientGuard | None = None
        self.skipped = 0

    def before_train(self, runner: Runner) -> None:
        """Watch the optimiser."""
        if isinstance(runner.optim_wrapper, OptimWrapper):
            self.gradients = GradientGuard(runner.optim_wrapper.optimizer)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Check the parsed losses and the gradients of the step that just ran."""
        values = {name: _number(value) for name, value in (outputs or {}).items()}
        wrong = {name: value for name, value in values.items() if not math.isfinite(value)}
        is_refused = self.gradients is not None and self.gradients.refused()
        if not wrong and not is_refused:
            return
        samples = (data_batch or {}).get("data_samples", [])
        own = [_image_of(sample) for sample in samples]
        images = [image for images in dist.all_gather_object(own) for image in images]
        skips = self.skipped < runner.cfg.get("skip_bad_steps", 0)
        path = Path(runner.log_dir, f"bad_batch_{runner.iter}.json" if skips else "bad_batch.json")
        if is_main_process():
            terms = {
                name: value if math.isfinite(value) else str(value) for name, value in values.items()
            }
            content = dict(
                losses=terms,
                gradients="not finite" if is_refused else "finite",
                images=images,
                seed=runner.seed,
                epoch=runner.epoch,
                iteration=runner.iter,
            )
            path.write_text(json.dumps(content))
        found = f"loss is not finite at iteration {runner.iter}: {wrong}"
        if not wrong:
            found = f"gradients are not finite at iteration {runner.iter}"
        found += f"; images {images} (written to {path})"
        if not skips:
            after = f" after {self.skipped} skipped ones" if self.skipped else ""
            raise FloatingPointError(f"{found}{after}; lower the learning rate or check the images")
        self.skipped += 1
        runner.logger.warning(f"{found}; skipped, {self.skipped} so far")


@HOOKS.register_module()
class ProgressHook(Hook):
    """Writes `<work_dir>/progress.json` at most once a second, for whoever watches the run.

    Content: stage (config name), step, total, loss (null in tests), seconds_left.
    """

    priority = "VERY_LOW"

    def __init__(self, *, interval: float = 1.0) -> None:
        self.interval = interval  # seconds between two writes
        self.written = self.started = 0.0
        self.first_step = 0

    def before_train(self, runner: Runner) -> None:
        """Start the clock; a resumed run starts at its step."""
        self.started, self.first_step = time.monotonic(), runner.iter

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Write if it is time."""
        loss = (outputs or {}).get("loss")
        self._write(runner, runner.iter + 1, runner.max_iters, None if loss is None else _number(loss))

    def before_test(self, runner: Runner) -> None:
        """Start the clock of a test."""
        self.started, self.first_step = time.monotonic(), 0

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Write if it is time."""
        self._write(runner, batch_idx + 1, len(runner.test_dataloader), None)

    def _write(self, runner: Runner, step: int, total: int, loss: float | None) -> None:
        now = time.monotonic()
        if not is_main_process() or (now - self.written < self.interval and step < total):
            return
        self.written = now
        done = step - self.first_step
        left = (now - self.started) / done * (total - step) if done > 0 else None
        progress = dict(
            stage=runner.experiment_name, step=step, total=total, loss=loss, seconds_left=left
        )
        target = Path(runner.work_dir) / "progress.json"
        partial = target.with_suffix(".partial")  # no flush to disk: it is written every second
        partial.write_text(json.dumps(progress))
        os.replace(partial, target)


@HOOKS.register_module()
class ExportWeightsHook(Hook):
    """After training writes `<work_dir>/weights.safetensors`: the whole model, with its origin.

    The licences of all weights that the training starts from, or has a cached teacher of, stay with it.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self.licence = ""

    def before_train(self, runner: Runner) -> None:
        """Read the licences now, while the sources exist."""
        names = list(runner.weight_digests)
        if teacher := runner.cfg.get("cached_teacher"):
            names.append(Source.parse(teacher["weights"]).name)
        root = runner.cfg.get("weights_root", "work_dirs")
        self.licence = licence_of_sources(names, root)
        if self.licence:
            runner.logger.info(f"licence of the weights that this training starts from: {self.licence}")

    def after_train(self, runner: Runner) -> None:
        """Write atomically, on the main process."""
        if not is_main_process():
            return
        metadata = training_metadata(
            config=runner.cfg.experiment_name,
            seed=runner.seed,
            options=runner.cfg.get("changed_options") or {},
            sources=runner.weight_digests,
            licence=self.licence,
        )
        if runner.cfg.get("dataset_name") == "shapes":
            metadata[WORLD] = str(WORLD_VERSION)
        save_weights(runner.bare_model, Path(runner.work_dir) / "weights.safetensors", metadata)


def _image_of(sample: Any) -> Any:
    """Its id, in joint training behind the name of its data set."""
    image, data_set = getattr(sample, "img_id", "?"), getattr(sample, "data_set", None)
    return image if data_set is None else f"{data_set}: {image}"


def _number(loss: Any) -> float:
    """A parsed loss, which may still hold its graph."""
    return float(loss.detach() if isinstance(loss, Tensor) else loss)
