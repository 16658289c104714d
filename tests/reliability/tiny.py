"""A training of seconds whose every number depends on all that an exact resume must restore.

Data depend on (seed, epoch, index); the model draws from the global generators of Python, NumPy and
torch; AdamW and a schedule have states. Trainings run in forks of this process, which has imported all.
"""

import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401, every fork would import both
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric
from mmengine.hooks import (
    CheckpointHook,
    DistSamplerSeedHook,
    Hook,
    IterTimerHook,
    LoggerHook,
    ParamSchedulerHook,
)
from mmengine.model import BaseModel
from mmengine.optim import CosineAnnealingLR
from mmengine.visualization import LocalVisBackend, Visualizer
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import Dataset

from ovsam.datasets.joint import JointDataset, joint_collate
from ovsam.datasets.joint_sampler import JointSampler
from ovsam.datasets.samplers import EvenSampler
from ovsam.engine.checkpoints import why_not_verified
from ovsam.engine.hooks import ExportWeightsHook, LossGuardHook, ProgressHook, SetEpochHook
from ovsam.engine.runner import Runner
from ovsam.structures.sample import PromptSample
from ovsam.structures.vocabulary import Vocabulary

IMAGES, GLOBAL_BATCH, EPOCHS = 26, 4, 3
STEPS_PER_EPOCH = IMAGES // GLOBAL_BATCH


class TinyImages(Dataset):
    """Random images with a label, drawn anew each epoch."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.epoch = torch.zeros(1, dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        self.epoch[0] = epoch

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, int(self.epoch), index])
        image = torch.from_numpy(rng.standard_normal((3, 7, 5), dtype=np.float32))
        return {"inputs": image, "labels": index % 2}


class TinyNamed(TinyImages):
    """The same for joint training."""

    vocabulary, metainfo = Vocabulary.from_names(["one", "two"]), {}
    skipped: ClassVar[dict[str, int]] = {}

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**super().__getitem__(index), "data_samples": PromptSample()}


class TinyModel(BaseModel):
    """A convolution and a layer, with noise from every global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: list[Tensor], labels: list[int], mode: str, **_: Any) -> Any:
        features = self.norm(self.convolution(torch.stack(inputs))).relu().mean((2, 3))
        if mode != "loss":
            return [{"score": float(value)} for value in self.head(features)[:, 0]]
        features = nn.functional.dropout(features, 0.3)  # torch's generator
        features = features * (1 + 0.1 * random.random()) + 0.1 * np.random.rand()  # noqa: NPY002
        logits = self.head(features)
        return {"loss_class": nn.functional.cross_entropy(logits, torch.tensor(labels))}


class ScoreMetric(BaseMetric):
    """The mean score of a validation; it draws, too, as other people's metrics may."""

    def process(self, data_batch: Any, data_samples: list[dict[str, float]]) -> None:
        self.results += [sample["score"] for sample in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        torch.rand(3)
        return {"score": float(np.mean(results))}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a case of the matrix varies."""

    processes: int = 1
    workers: int = 0
    persistent: bool = False
    accumulation: int = 1
    by_epoch: bool = True
    validates: bool = False
    precision: str = "float32"
    joint: bool = False


def config_of(setup: Setup, work_dir: Path, *, resume: bool, save_iters: int) -> Config:
    """The config of one run, with the hooks of every config of the project."""
    loader = dict(
        dataset=dict(type=TinyImages),
        batch_size=GLOBAL_BATCH // setup.processes,
        num_workers=setup.workers,
        persistent_workers=setup.persistent,
        drop_last=True,
        sampler=dict(type=EvenSampler, shuffle=True),
    )
    if setup.joint:
        named = {name: dict(type=TinyNamed, seed=seed) for seed, name in enumerate("abc")}
        weights = dict(a=1, b=2, c=3)
        data = dict(type=JointDataset, datasets=named, weights=weights, pictures=dict(b=2))
        sampler = dict(type=JointSampler, batches=STEPS_PER_EPOCH)
        loader |= dict(dataset=data, sampler=sampler, collate_fn=dict(type=joint_collate))
    length: dict[str, Any] = dict(by_epoch=True, max_epochs=EPOCHS)
    interval: dict[str, Any] = dict(interval=1)
    if not setup.by_epoch:
        length = dict(by_epoch=False, max_iters=EPOCHS * STEPS_PER_EPOCH)
        interval = dict(by_epoch=False, interval=STEPS_PER_EPOCH)
    if setup.validates:
        interval |= dict(save_best="score", rule="greater")
    content: dict[str, Any] = dict(
        work_dir=str(work_dir),
        model=dict(type=TinyModel),
        train_dataloader=loader,
        train_cfg=length,
        optim_wrapper=dict(
            optimizer=dict(type=AdamW, lr=0.02, weight_decay=0.1),
            accumulative_counts=setup.accumulation,
        ),
        param_scheduler=[dict(type=CosineAnnealingLR, T_max=25, by_epoch=False)],
        default_hooks=dict(
            timer=dict(type=IterTimerHook),
            logger=dict(type=LoggerHook, interval=1),
            param_scheduler=dict(type=ParamSchedulerHook),
            checkpoint=dict(type=CheckpointHook, max_keep_ckpts=2, **interval),
            sampler_seed=dict(type=DistSamplerSeedHook),
        ),
        custom_hooks=[
            dict(type=SetEpochHook), dict(type=LossGuardHook), dict(type=ProgressHook),
            dict(type=ExportWeightsHook),
        ],
        visualizer=dict(type=Visualizer, vis_backends=[dict(type=LocalVisBackend)]),
        env_cfg=dict(dist_cfg=dict(backend="gloo"), mp_cfg=dict(mp_start_method="fork")),
        launcher="none" if setup.processes == 1 else "pytorch",
        randomness=dict(seed=3, deterministic=True, diff_rank_seed=True),
        precision=setup.precision,
        resume=resume,
        save_every=dict(iters=save_iters),
        log_level="WARNING",
        experiment_name="tiny",
    )  # fmt: skip
    if setup.validates:
        content |= dict(
            val_dataloader={**loader, "sampler": dict(type=DefaultSampler, shuffle=False)},
            val_cfg=dict(),
            val_evaluator=dict(type=ScoreMetric),
        )
    return Config(content)


class DiesAfter(Hook):
    """Kills every process after so many iterations, or asks the last one and its workers to end."""

    priority = "LOWEST"

    def __init__(self, iterations: int, number: int = signal.SIGKILL) -> None:
        self.iterations, self.number = iterations, number

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """The iterations before this one are complete, and their checkpoints written."""
        is_last = runner.rank == runner.world_size - 1
        if runner.iter == self.iterations and (is_last or self.number == signal.SIGKILL):
            everyone = [os.getpid(), *(worker.pid for worker in multiprocessing.active_children())]
            # By another process, as a cluster does it: workers end when their own process asks them to.
            subprocess.run(["kill", f"-{self.number:d}", *map(str, everyone)], check=True)


class TinyRunner(Runner):
    """Leaves out what takes longer than the training, and checks what it loads."""

    def _log_env(self, env_cfg: dict[str, Any]) -> None:
        """Nothing of the machine."""

    def load_checkpoint(self, filename: str, *args: Any, **options: Any) -> Any:
        """Nothing is loaded that does not verify."""
        assert not why_not_verified(Path(filename)), filename
        return super().load_checkpoint(filename, *args, **options)


def train(
    setup: Setup, work_dir: Path, *, save_iters: int = 0, resume: bool = False, hook: Hook | None = None
) -> None:
    """One run in this process."""
    runner = TinyRunner.from_config(config_of(setup, work_dir, resume=resume, save_iters=save_iters))
    if hook is not None:
        runner.register_hook(hook)
    runner.train()


def run(setup: Setup, work_dir: Path, **given: Any) -> list[int]:
    """One run in as many forks as `setup` wants; returns their exit codes."""
    return wait_for(start(lambda: train(setup, work_dir, **given), work_dir, setup.processes))


def start(work: Callable[[], None], work_dir: Path, processes: int) -> list[Any]:
    """Fork processes that find each other."""
    work_dir.mkdir(parents=True, exist_ok=True)
    context, port = multiprocessing.get_context("fork"), _free_port()
    forks = [
        context.Process(target=_work, args=(work, work_dir, rank, processes, port))
        for rank in range(processes)
    ]
    for fork in forks:
        fork.start()
    return forks


def wait_for(forks: list[Any], seconds: float = 100) -> list[int]:
    """Exit codes; a fork that does not end is killed."""
    for fork in forks:
        fork.join(seconds)
        if fork.is_alive():
            fork.kill()
            fork.join()
    return [fork.exitcode for fork in forks]


def _work(work: Callable[[], None], work_dir: Path, rank: int, processes: int, port: int) -> None:
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
    )  # fmt: skip
    with open(work_dir / f"output_{rank}.txt", "a") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
        Config.pretty_text = property(repr)  # type: ignore[assignment], formatting takes longest
        work()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def losses(work_dir: Path) -> dict[int, set[float]]:
    """Iteration -> every loss that any run in `work_dir` logged for it."""
    found: dict[int, set[float]] = {}
    for path in work_dir.glob("*/vis_data/scalars.json"):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if "loss" in row:
                found.setdefault(row["step"], set()).add(row["loss"])
    return found


def same(one: Path, other: Path) -> bool:
    """Whether the final weights and every logged loss are identical."""
    first, second = (load_file(work_dir / "weights.safetensors") for work_dir in (one, other))
    weights = first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)
    curve = losses(one)
    return weights and len(curve) == EPOCHS * STEPS_PER_EPOCH and curve == losses(other)
