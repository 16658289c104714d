"""Checkpoints as people's trainings leave them: each test is a row of docs/files.md."""

import argparse
import collections
import datetime
import enum
import os
import pathlib
import pickle
import re

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import HistoryBuffer
from mmengine.model import ExponentialMovingAverage
from torch import nn

from ovsam.weights import WeightsError, load_parts, read_tensors
from tests.field.page import row


def make_model(value=None):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    if value is not None:
        for tensor in model.parameters():
            tensor.data.fill_(value)
    return model


class Epoch(enum.Enum):
    LAST = 3


class Options(dict):
    """As yacs and addict write their nodes: a dict of a class of their own."""


class Outer:
    class Inner(enum.Enum):
        FIRST = 1

    class Node:
        def __init__(self):
            self.value = 1


class Meter:
    def __init__(self):
        self.values, self.lambda_of = [0.5], {"names": {"a", "b"}}


class Attack:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def saved(path, content, **arguments):
    torch.save(content, path, **arguments)
    return path


def assert_is(found, model):
    assert list(found) == list(model.state_dict())
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)


@row("Weights", "names with `module.` (DDP) or `_orig_mod.` (torch.compile)", "read, counted",
     "left out; the log says so")  # fmt: skip
@pytest.mark.parametrize(
    "wrap",
    [
        lambda n: f"module.{n}",
        lambda n: f"_orig_mod.{n}",
        lambda n: f"module._orig_mod.{n}",
        lambda n: f"_orig_mod.module.{n}",
        lambda n: n.replace("0.", "0._orig_mod."),
    ],
)
def test_wrapped_names(tmp_path, wrap, monkeypatch):
    lines = []
    monkeypatch.setattr("ovsam.weights.checkpoint_reader.print_log", lambda text, *_: lines.append(text))
    model = make_model()
    path = saved(tmp_path / "a.pth", {"state_dict": {wrap(n): t for n, t in model.state_dict().items()}})
    assert_is(read_tensors(path), model)
    assert "a.pth: left out what wraps its names" in lines[0]
    loaded = make_model()
    load_parts(loaded, {"": str(path)}, tmp_path)
    assert_is(loaded.state_dict(), model)


class Run:
    """What EMAHook asks of a runner."""

    def __init__(self, model):
        self.model = model


@row("Weights", "a moving average beside the weights (mmengine, timm, torch)", "read",
     "`ema:FILE` takes it; FILE alone `state_dict`, where mmengine has the average")  # fmt: skip
def test_moving_averages(tmp_path):
    model, average = make_model(1.0), make_model(2.0)
    content = {"state_dict": model.state_dict(), "meta": {}, "message_hub": {}}
    hook = EMAHook()
    hook.src_model, hook.ema_model = model, ExponentialMovingAverage(average)
    hook.before_save_checkpoint(Run(model), content)
    path = saved(tmp_path / "mmengine.pth", content)
    for source in (str(path), f"ema:{path}"):
        loaded = make_model()
        load_parts(loaded, {"": source}, tmp_path)
        assert_is(loaded.state_dict(), average)
    timm = {"state_dict": model.state_dict(), "state_dict_ema": average.state_dict()}
    swa = {
        "model": model.state_dict(),
        "model_ema": torch.optim.swa_utils.AveragedModel(average).state_dict(),
    }
    for content in (timm, swa):
        path = saved(tmp_path / "b.pth", content)
        assert_is(read_tensors(path), model)
        assert_is(read_tensors(path, average=True), average)
    path = saved(tmp_path / "c.pth", model.state_dict())
    with pytest.raises(WeightsError, match=r"c\.pth .*keeps no moving average: none of ema_state_dict"):
        load_parts(make_model(), {"": f"ema:{path}"}, tmp_path)


@row(
    "Weights", "checkpoints of mmengine with their history, empty or not", "read", "the history is inert"
)
def test_history_of_mmengine(tmp_path):
    model = make_model()
    scalars = {"loss": HistoryBuffer([0.5], [1]), "empty": HistoryBuffer(np.array([]), np.array([]))}
    content = {"state_dict": model.state_dict(), "message_hub": {"log_scalars": scalars}}
    path = saved(tmp_path / "a.pth", content)
    assert b"bytes" in path.read_bytes()  # an empty array is pickled through the builtin
    assert_is(read_tensors(path), model)


@row(
    "Weights", "objects beside the tensors: argparse, omegaconf, yacs, numpy, any class", "read", "inert"
)
@pytest.mark.parametrize("is_zip", [True, False])
def test_objects_beside_the_tensors(tmp_path, is_zip):
    others = {
        "args": argparse.Namespace(lr=0.1, out=pathlib.Path("x"), when=datetime.datetime(2024, 1, 2)),
        "options": Options(a=Options(b=1)),
        "best": np.float64(0.5),
        "seen": collections.defaultdict(list, a=[np.arange(3)]),
        "count": collections.defaultdict(int, a=1),  # the type int is written as Python 2's `long`
        "types": [int, str, range, len, sorted],  # omegaconf and argparse keep types and functions
        "inner": [Outer.Inner.FIRST, Outer.Node()],
        "epoch": Epoch.LAST,
        "meter": Meter(),
        "pattern": re.compile("a.*"),
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
        "rng": np.random.RandomState(0).get_state(),
        "type": torch.float16,
    }
    model = make_model()
    content = {"model": model.state_dict(), **others}
    path = saved(tmp_path / "a.pth", content, _use_new_zipfile_serialization=is_zip)
    assert_is(read_tensors(path), model)


@row(
    "Weights",
    "a whole model, pickled with its class",
    "read",
    "its parameters and buffers; its code never runs",
)
@pytest.mark.parametrize("is_zip", [True, False])
def test_whole_model(tmp_path, is_zip, recwarn):
    model = make_model()
    model.register_buffer("passing", torch.zeros(1), persistent=False)
    model[0].weight.is_tagged = True  # a parameter with an attribute is written in another way
    path = saved(tmp_path / "a.pt", model, _use_new_zipfile_serialization=is_zip)
    assert_is(read_tensors(path), model)
    assert not recwarn.list
    assert_is(read_tensors(saved(tmp_path / "b.pt", {"model": model, "epoch": 3})), model)


def test_state_dict_of_a_class_of_its_own(tmp_path):
    model = make_model()
    assert_is(read_tensors(saved(tmp_path / "a.pth", {"model": Options(model.state_dict())})), model)


def test_no_function_of_torch_is_changed(tmp_path):
    rebuild = torch._utils._rebuild_tensor_v2
    before = rebuild.__defaults__
    # The file asks for the function and sets its defaults.
    content = b"ctorch._utils\n_rebuild_tensor_v2\n(N(dS'__defaults__'\n(I5\ntstb."
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read safely"):
        read_tensors(tmp_path / "a.pth")
    assert rebuild.__defaults__ == before


@row(
    "Weights",
    "a file that asks Python to run something",
    "refused",
    "nothing of it runs, nor of any file",
)
def test_attacks(tmp_path):
    target = tmp_path / "was_run"
    for place, attack in enumerate(
        [Attack(os.mkdir, str(target)), Attack(eval, f"open({str(target)!r}, 'w')"), Attack(exec, "1")]
    ):
        path = saved(tmp_path / f"{place}.pth", {"state_dict": make_model().state_dict(), "x": attack})
        with pytest.raises(WeightsError, match="which no checkpoint needs: do not load it") as error:
            read_tensors(path)
        assert "\x1b" not in str(error.value)
        assert "weights_only" not in str(error.value)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Attack(os.mkdir, str(target))))
    with pytest.raises(WeightsError, match="cannot be read safely"):
        read_tensors(tmp_path / "bare.pth")
    assert not target.exists()


@row("Weights", "a checkpoint that is cut short, or holds no tensors", "refused", "in one line")
@pytest.mark.parametrize(
    "content", [{"state_dict": {"a": 5}}, [1, 2], {}, {"args": argparse.Namespace()}]
)
def test_no_tensors(tmp_path, content):
    path = saved(tmp_path / "a.pth", content)
    for kept in (path.stat().st_size, 100):
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(WeightsError, match=r"a\.pth cannot be read safely") as error:
            read_tensors(path)
        assert "\n" not in str(error.value)
