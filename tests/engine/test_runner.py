"""The Runner's own steps: scaled learning rates and ranks under SLURM."""

import logging
import time
from types import SimpleNamespace

import mmengine.runner
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch import nn
from torch.optim import SGD
from torch.utils.data import DataLoader

from ovsam.engine.runner import Runner, slurm_ranks


def scaled_rate(loader, accumulative_counts=1, **auto_scale_lr):
    model = torch.nn.Linear(3, 2)
    wrapper = OptimWrapper(SGD(model.parameters(), lr=0.5), accumulative_counts=accumulative_counts)
    runner = SimpleNamespace(world_size=4, _train_dataloader=loader, logger=logging.getLogger("test"))
    Runner.scale_lr(runner, wrapper, auto_scale_lr)
    return wrapper.optimizer.param_groups[0]["lr"]


def test_learning_rate_follows_the_images_of_a_step():
    loader = dict(batch_size=3)
    assert scaled_rate(loader, enable=True, base_batch_size=16) == 0.5 * 12 / 16
    assert scaled_rate(loader, 2, enable=True, base_batch_size=16) == 0.5 * 24 / 16
    built = SimpleNamespace(batch_size=8)
    assert scaled_rate(built, enable=True, base_batch_size=16) == 0.5 * 32 / 16


def test_learning_rate_stays_where_nobody_asks():
    assert scaled_rate(dict(batch_size=3), enable=False, base_batch_size=16) == 0.5
    assert scaled_rate(dict(batch_size=3)) == 0.5


def test_ranks_under_slurm():
    process = dict(SLURM_PROCID="3", SLURM_LOCALID="1", SLURM_NTASKS="4", SLURM_NNODES="2")
    found = slurm_ranks(process | dict(MASTER_ADDR="node7", MASTER_PORT="29411"))
    assert found == dict(
        RANK="3", LOCAL_RANK="1", WORLD_SIZE="4", MASTER_ADDR="node7", MASTER_PORT="29411"
    )
    assert slurm_ranks(process | dict(SLURM_NNODES="1"))["MASTER_ADDR"] == "127.0.0.1"
    with pytest.raises(ValueError, match="several nodes need MASTER_ADDR"):
        slurm_ranks(process)


def test_runs_that_begin_in_one_second_write_to_their_own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1e9)
    for folder in ("a", "b"):
        visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])
        runner = Runner(
            model=torch.nn.Linear(2, 3),
            work_dir=str(tmp_path / folder),
            experiment_name="same",
            visualizer=visualizer,
        )
        runner.visualizer.add_scalar("loss", 0.5)
        runner.logger.info("begins")
    for folder in ("a", "b"):
        assert len(list((tmp_path / folder).rglob("scalars.json"))) == 1
        (log,) = (tmp_path / folder).rglob("*.log")
        assert log.read_text().count("begins") == 1


def test_fewer_images_than_a_batch_are_refused(monkeypatch):
    runner = object.__new__(Runner)
    runner._world_size = 2
    for num_images, is_enough in ((7, False), (8, True)):
        loader = DataLoader(range(num_images), batch_size=8, drop_last=True)
        built = SimpleNamespace(dataloader=loader)
        monkeypatch.setattr(mmengine.runner.Runner, "build_train_loop", lambda *_, built=built: built)
        if is_enough:
            assert runner.build_train_loop({}) is built
            continue
        with pytest.raises(ValueError, match=r"7 training images are fewer than a batch of 16; lower"):
            runner.build_train_loop({})


def test_images_wait_in_pinned_memory_where_there_is_a_gpu(monkeypatch):
    config = dict(dataset=[0, 1], sampler=dict(type="DefaultSampler", shuffle=False), batch_size=1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not Runner.build_dataloader(config).pin_memory
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Runner.build_dataloader(config).pin_memory
    assert not Runner.build_dataloader({**config, "pin_memory": False}).pin_memory
    assert "pin_memory" not in config


def test_a_checkpoint_with_other_groups_of_parameters_says_how_to_go_on(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise ValueError("loaded state dict has a different number of parameter groups")

    monkeypatch.setattr(mmengine.runner.Runner, "resume", refuse)
    runner = Runner(model=torch.nn.Linear(1, 1), work_dir=str(tmp_path), experiment_name="other_groups")
    with pytest.raises(ValueError, match=r"epoch_1.pth .* optim_wrapper.constructor=DefaultOptim"):
        runner.resume("epoch_1.pth")


def test_of_several_processes_a_model_in_which_nothing_trains_is_not_wrapped():
    model = nn.Linear(2, 2).requires_grad_(False)
    runner = SimpleNamespace(distributed=True, cfg={})
    assert Runner.wrap_model(runner, None, model) is model  # data parallel would refuse it


def test_options_of_another_compiling_are_refused():
    with pytest.raises(ValueError, match=r"compile must be True or False, got \{'mode': 'default'\}"):
        Runner.from_config(Config({"compile": {"mode": "default"}}))


def test_a_config_compiles_parts_and_never_the_whole_model(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("all of it"))
    for compiles in (True, False):
        model = torch.nn.Linear(2, 3)
        model.is_compiled = False
        runner = Runner(
            model=model,
            work_dir=str(tmp_path / str(compiles)),
            experiment_name=f"compiled_{compiles}",
            cfg=dict(compile=compiles),
        )
        runner._maybe_compile("train_step")
        assert runner.bare_model.is_compiled is compiles
        other = torch.nn.Linear(2, 3)
        other.is_compiled = False
        runner.answer_with(other)
        assert other.is_compiled is compiles
