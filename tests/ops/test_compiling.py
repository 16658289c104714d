"""What is compiled, and what happens where nothing can be."""

import logging

import pytest
import torch
from torch import nn

from ovsam.ops import compiling
from ovsam.ops.compiling import compile_parts, compiled

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def forgotten():
    compiled.cache_clear()
    compiling.why_not_compiled.cache_clear()


@pytest.fixture
def lines(monkeypatch):
    found = []
    monkeypatch.setattr(compiling, "print_log", lambda text, logger, level: found.append((level, text)))
    return found


def double(tensor):
    return tensor * 2


def test_a_cpu_runs_the_function_itself_and_says_so_once(lines):
    assert compiled(double, CPU) is double
    assert compiled(double, CPU) is double
    told = "compile: nothing is compiled, it pays on a GPU only, not on cpu"
    assert lines == [(logging.WARNING, told)]


def test_where_a_trial_fails_the_function_itself_runs_and_the_line_says_why(lines, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no compiler\nand a long trace")

    monkeypatch.setattr(torch, "compile", fail)
    assert compiled(double, GPU) is double
    assert lines[0][1] == "compile: nothing is compiled, a trial failed (RuntimeError: no compiler)"


@pytest.mark.parametrize("name", ["TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE"])
def test_what_torch_is_told_not_to_compile_is_not_called_compiled(lines, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert compiled(double, GPU) is double
    assert lines[0][1] == f"compile: nothing is compiled, {name} is set"


def test_where_a_trial_works_the_function_is_compiled(lines, monkeypatch):
    asked = []

    def compile_function(function, **options):
        asked.append((function, options))
        return function

    monkeypatch.setattr(torch, "compile", compile_function)
    devices = []
    monkeypatch.setattr(torch, "ones", lambda *_, device: devices.append(device) or torch.zeros(1))
    assert compiled(double, GPU) is double
    assert devices == [GPU]  # the trial runs where the function will
    assert asked == [(torch.neg, {}), (double, {})]
    assert not lines


def test_parts_that_can_be_compiled_are_and_a_model_without_any_is_told(lines):
    part, model = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))
    part.is_compiled = False
    model.append(part)
    compile_parts(model)
    assert part.is_compiled
    assert not hasattr(model[0], "is_compiled")
    assert not lines
    compile_parts(nn.Linear(2, 2))
    assert lines == [(logging.WARNING, "compile: no part of this Linear can be compiled")]
