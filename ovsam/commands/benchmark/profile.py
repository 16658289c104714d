"""Stage `profile`: where the time of training steps goes, in `ovsam train` on drawn pictures."""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook

from ovsam.benchmark import provenance
from ovsam.cli import find_config
from ovsam.commands.benchmark.results import report
from ovsam.commands.benchmark.stopwatch import Stopwatch, now
from ovsam.commands.shared.options import chosen_device, prepare_config
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.engine.configuration import load_config
from ovsam.engine.runner import Runner

#: Part -> config, and what replaces its options.
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sam2clip": ("mini/sam2clip_rn", {}),
    "clip2sam": ("mini/ovsam_rn", {"initial_weights": {"neck": "shapes_ovsam#neck"}}),
}


class _Watch(Hook):
    """Counts the time of the parts of every step after the warm-up."""

    priority = "HIGHEST"

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up  # epochs
        self.watch = Stopwatch()
        self.seconds: dict[str, float] = {}
        self.began = 0.0
        self.before = 0  # steps of the warm-up

    def before_train_epoch(self, runner: Any) -> None:
        """Begin where the warm-up ends."""
        if runner.epoch != self.warm_up:
            return
        for owner, method, part in (
            (runner, "call_hook", "hooks"),
            (runner.model, "train_step", "step"),
            (runner.model.data_preprocessor, "forward", "preprocessing"),
            (runner.optim_wrapper, "step", "optimiser"),
            (runner.optim_wrapper, "zero_grad", "optimiser"),
        ):
            setattr(owner, method, self.watch.timed(part, getattr(owner, method)))
        self.began, self.before = now(), runner.iter

    def after_train_epoch(self, runner: Any) -> None:
        """Note the times until now."""
        self.seconds = {**self.watch.seconds, "whole": now() - self.began}


def run(args: argparse.Namespace) -> None:
    """Measure and report: means over the steps of `repeats` epochs after those of the warm-up.

    Raises:
        ValueError: asked for the CPU where `ovsam train` takes the GPU, or fewer images than a batch.
    """
    device = chosen_device(args.device)
    batch = max(load_config(find_config(name)).train_dataloader.batch_size for name, _ in PARTS.values())
    if args.images < batch:
        raise ValueError(f"--images must be {batch} or more, a batch of the training, got {args.images}")
    for part, (name, options) in PARTS.items():
        measurement = provenance.Measurement()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            data = Path(folder, "data")
            write_shapes(data, ShapesPlan(train=args.images, val=1, test=1, distill=1))
            found = _profile(_config(name, options, Path(folder), data, args), device, args)
        content = {"part": part, "config": name, "device": device, "images": args.images, **found}
        report(content, measurement, args, args.stage, part, device)


def _config(
    name: str, options: dict[str, Any], folder: Path, data: Path, args: argparse.Namespace
) -> Config:
    """The config as `ovsam train` prepares it, silent; it neither validates nor saves on the way."""
    given = {"config": find_config(name), "work_dir": folder / "run", "launcher": "none", "seed": 0}
    config = prepare_config(argparse.Namespace(**given, cfg_options={}))
    config.merge_from_dict(options)
    config.weights_root = str(folder / "weights")
    config.train_dataloader.dataset.data_root = str(data)
    config.val_dataloader = config.val_evaluator = config.val_cfg = None
    config.train_cfg.max_epochs = args.warm_up + args.repeats
    config.default_hooks.checkpoint.interval = config.train_cfg.max_epochs + 1
    config.log_level = "ERROR"
    return config


def _profile(config: Config, device: str, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a step, images a second, and the shares of data, model, optimiser and hooks."""
    runner = Runner.from_config(config)
    if next(runner.model.parameters()).device.type != device:
        raise ValueError("`ovsam train` runs on the GPU: hide it to measure the CPU")
    hook = _Watch(args.warm_up)
    runner.register_hook(hook)
    runner.train()
    seconds, steps = hook.seconds, runner.iter - hook.before
    whole, batch = seconds["whole"], runner.train_dataloader.batch_size
    shares = {
        "data": whole - seconds["step"] - seconds["hooks"] + seconds["preprocessing"],
        "model": seconds["step"] - seconds["optimiser"] - seconds["preprocessing"],
        "optimiser": seconds["optimiser"],
        "hooks": seconds["hooks"],
    }
    return {
        "batch": batch,
        "steps": steps,
        "step_s": whole / steps,
        "images_a_second": batch * steps / whole,
        "shares": {name: value / whole for name, value in shares.items()},
    }
