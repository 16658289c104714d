"""Real photographs through training and test: the stages hand over, and learn what they are given."""

import pytest
import torch

from ovsam.cli import configs_folder
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.engine.configuration import load_config
from ovsam.registry import build_model
from ovsam.weights import load_parts, read_tensors, save_weights
from tests.training.photographs import (
    MODEL,
    NECK,
    NECK_LEARNS_ON,
    TEACHER,
    TRAININGS,
    data_options,
    overfit,
    plan,
)

pytestmark = pytest.mark.seconds

ONE_EPOCH = {"train_cfg.max_epochs": 1, "param_scheduler.1.T_max": 1}


def below(folder, prefix):
    """Tensors of a stage below a prefix, without it."""
    tensors = read_tensors(folder / "weights.safetensors")
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def are_equal(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_each_stage_goes_on_from_the_one_before_and_leaves_frozen_parts_alone(shared, tmp_path, command):
    given = build_model(load_config(configs_folder() / "mini/sam_vit.py").model)
    load_parts(given, {"": "shapes_sam"}, tmp_path)
    save_weights(given, tmp_path / "sam_vit" / "weights.safetensors", {})
    data = data_options("train_dataloader", shared / "data" / "coco_mini", "train")
    for stage in TRAININGS:
        options = {**data, **ONE_EPOCH, "weights_root": str(tmp_path)}
        command(
            "train",
            f"mini/{stage}",
            tmp_path / stage,
            {**options, "train_dataloader.dataset.indices": 2},
        )
    small, teacher, neck, model = (tmp_path / stage for stage in ("sam_vit", TEACHER, NECK, MODEL))
    assert are_equal(below(small, "prompt_encoder."), below(model, "prompt_encoder."))
    assert are_equal(below(neck, "neck."), below(model, "neck."))
    last = tmp_path / NECK_LEARNS_ON
    assert not are_equal(below(last, "neck."), below(model, "neck."))
    assert are_equal(below(last, "backbone."), below(model, "backbone."))
    learnt, begun = below(model, "mask_decoder.decoder."), below(teacher, "mask_decoder.")
    assert learnt.keys() == begun.keys()
    assert not are_equal(learnt, begun)
    assert not are_equal(below(small, "mask_decoder."), begun)
    pos_embed = below(teacher, "image_encoder.pos_embed")[""]
    assert torch.equal(below(neck, "neck.pos_embed")[""], pos_embed)
    assert below(neck, "teacher.") == {}


def test_the_plan_distils_before_the_decoder_learns(tmp_path):
    stages = {stage.name: stage for stage in plan(tmp_path / "coco", tmp_path)}
    assert stages[f"train {MODEL}"].needs == (f"train {NECK}",)
    assert stages[f"train {NECK}"].needs == (f"train {TEACHER}",)
    tested = stages[f"test {MODEL} val"]
    assert tested.needs == (f"train {MODEL}",)
    assert f"test_dataloader.dataset.data_root={tmp_path}/coco" in tested.command
    assert "test_dataloader.dataset.data_prefix.img=images/val2017" in tested.command


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_overfits_the_photographs_it_was_trained_on(shared, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shapes(tmp_path / "data/shapes", ShapesPlan(train=1000, val=10, test=1, distill=1))
    few = {"train_cfg.max_epochs": 4, "param_scheduler.1.T_max": 4}  # of 1,000 pictures
    for stage in ("clip_rn", "sam_vit"):
        command("train", f"mini/{stage}", tmp_path / stage, few)
    found = overfit(shared / "data" / "coco_mini", tmp_path)
    frozen, large = found["train"]["box"], found["neck_learns_on_train"]["box"]
    assert large["num_base_16px"] > 70
    assert frozen["iou_base_16px"] >= 65
    assert large["iou_base_16px"] >= 80
    assert found["val"]["box"]["num_novel"] == 11
