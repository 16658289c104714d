"""SpeedHook: images a second, memory, and the used part of a known GPU's arithmetic, in the log."""

from typing import Any

import torch
from mmengine import dist
from mmengine.hooks import Hook
from torch.utils.flop_counter import FlopCounterMode

from ovsam.benchmark.memory import peak_bytes
from ovsam.registry import HOOKS

#: GPU -> FLOP a second of dense matrix products in half precision. Source: NVIDIA's data sheets (SXM).
PEAKS = {"A100": 312e12, "H100": 989e12, "H200": 989e12}
GIB = 2**30


def peak_of(device_name: str, precision: str) -> float | None:
    """FLOP a second that a device can do at most; None where that is not known.

    In float32 it is not: convolutions and products may or may not take TF32.
    """
    if precision == "float32":
        return None
    return next((peak for name, peak in PEAKS.items() if name in device_name), None)


@HOOKS.register_module()
class SpeedHook(Hook):
    """Logs `images_a_second` of all processes, `peak_gib` and, where the device's peak is known, `mfu`.

    `mfu` is the part of the peak that a step uses: what the first step computes, counted while it runs,
    over the time of the last ones. Memory is that of the GPU, else of the process.
    """

    priority = "NORMAL"  # after the timer, before the logger

    def __init__(self, *, peak: float | None = None) -> None:
        self.peak = peak  # FLOP a second; None: that of the device
        self.flops = 0

    def before_train(self, runner: Any) -> None:
        """Have the first step counted."""
        if self.peak is None and torch.cuda.is_available():
            precision = runner.cfg.get("precision", "float32")
            self.peak = peak_of(torch.cuda.get_device_name(), precision)
        if self.peak is None:
            return
        model, step = runner.model, runner.model.train_step

        def counted(*arguments: Any, **named: Any) -> Any:
            del model.train_step  # the class's own again
            with FlopCounterMode(display=False) as counter:
                losses = step(*arguments, **named)
            self.flops = counter.get_total_flops()
            return losses

        model.train_step = counted

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Update what is logged next."""
        samples = (data_batch or {}).get("data_samples")
        times = runner.message_hub.log_scalars.get("train/time")
        if not samples or times is None:
            return
        device = "cuda" if torch.cuda.is_available() else "cpu"
        hub, seconds = runner.message_hub, times.mean(runner.log_processor.window_size)
        hub.update_scalar("train/images_a_second", len(samples) * dist.get_world_size() / seconds)
        hub.update_scalar("train/peak_gib", peak_bytes(device) / GIB)
        if self.peak is not None:
            hub.update_scalar("train/mfu", self.flops / seconds / self.peak)
