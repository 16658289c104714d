"""`ovsam benchmark image` and `train` on the miniature's models, on a CPU."""

import json
import math
import multiprocessing
import types

import pytest
import torch

from ovsam.cli import find_config, main
from ovsam.commands.benchmark import promptable
from ovsam.commands.benchmark.promptable import PARTS, STAGES, _plain, _prompted, _work_of, measure
from ovsam.commands.benchmark.results import read_results
from ovsam.commands.complexity import build_on
from ovsam.engine.configuration import load_config

pytestmark = pytest.mark.seconds

CPU_ONCE = ["--of", "mini", "--device", "cpu", "--warm-up", "0", "--repeats", "1", "--json"]


@pytest.mark.parametrize(
    ("part", "batch", "prompts"),
    [
        ("image", 1, 10),
        ("clip2sam_step", 2, 5),
        ("sam2clip_live_step", 2, 0),
        ("sam2clip_cached_step", 2, 0),
    ],
)
def test_every_part_is_measured_in_every_precision(part, batch, prompts):
    args = types.SimpleNamespace(warm_up=0, repeats=2, compile=False)
    for precision in ("float32", "bfloat16"):
        found = measure(PARTS["mini"][part], part, "cpu", precision, args)
        assert (found["batch"], found["prompts"]) == (batch, prompts)
        assert found["ours_s"] > 0
        assert found["ratio"] == found["peer_s"] / found["ours_s"]
        assert 0.1 < found["ours_gb"] < 20


def test_the_model_is_compiled_where_it_is_asked_for(monkeypatch):
    models = []
    monkeypatch.setattr(promptable, "compile_parts", models.append)
    for compiles in (False, True):
        args = types.SimpleNamespace(warm_up=0, repeats=1, compile=compiles)
        measure(PARTS["mini"]["image"], "image", "cpu", "float32", args)
        assert len(models) == compiles


def test_every_part_is_a_result(tmp_path, capsys, monkeypatch):
    fork = multiprocessing.get_context("fork")  # has the modules, whose import takes seconds
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: fork)
    monkeypatch.setitem(STAGES, "train", ("clip2sam_step",))
    target = tmp_path / "speed.json"
    options = [*CPU_ONCE, "--precisions", "float32", "--write", str(target)]
    assert main(["benchmark", "image", *options]) == 0
    assert main(["benchmark", "train", *options]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    runs = read_results(target)
    names = ["image_mini_cpu_float32", "clip2sam_step_mini_cpu_float32"]
    assert sorted(runs) == sorted(names)
    for name, shown in zip(names, printed, strict=True):
        assert runs[name]["ours_s"] == shown["ours_s"] > 0
        assert (runs[name]["stage"], runs[name]["of"]) == (shown["stage"], "mini")


def test_peer_is_the_model_without_fast_paths_and_all_is_put_back():
    model = build_on(load_config(find_config("mini/ovsam_rn")).model, "cpu")
    size = model.chunk_size
    fast = [module for module in model.modules() if hasattr(module, "is_fast")]
    assert len(fast) >= 3  # attention pool, neck, mask decoder
    with _plain(model):
        assert model.chunk_size == 1
        assert not any(module.is_fast for module in fast)
    assert model.chunk_size == size
    assert all(module.is_fast for module in fast)


@pytest.mark.parametrize("part", ["clip2sam_step", "sam2clip_live_step", "sam2clip_cached_step"])
def test_a_step_trains_what_the_config_trains(part):
    config = load_config(find_config(PARTS["mini"][part]))
    model = build_on(config.model, "cpu")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    work, _, _ = _work_of(model, config, part, "cpu")
    work()
    moved = {n.split(".")[0] for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == ({"mask_decoder", "pyramid", "region_head"} if part == "clip2sam_step" else {"neck"})


def test_masks_fill_their_boxes():
    sample = _prompted(64, 3, 2)
    assert len(sample.prompts) == len(sample.gt_instances.masks) == 5
    for box, mask in zip(sample.gt_instances.bboxes, sample.gt_instances.masks, strict=True):
        left, top, right, bottom = box.tolist()
        height = math.ceil(bottom) - math.ceil(top)
        width = math.ceil(right) - math.ceil(left)
        assert mask.sum() == height * width
        assert mask[math.ceil(top), math.ceil(left)]
        assert not mask[: math.ceil(top)].any()
