"""Hooks: the guard of losses, progress, exported weights."""

import json
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper

from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.engine.hooks import ExportWeightsHook, LossGuardHook, ProgressHook, SetEpochHook
from ovsam.weights import read_metadata, read_tensors, save_weights
from ovsam.weights.released import RELEASED


def runner(tmp_path, **more):
    model = torch.nn.Linear(3, 2)
    facts = dict(
        work_dir=str(tmp_path),
        log_dir=str(tmp_path),
        iter=4,
        max_iters=10,
        epoch=2,
        seed=7,
        experiment_name="mini/x",
        cfg=Config(
            dict(experiment_name="mini/x", changed_options={"model.width": 3, "weights_root": "w"})
        ),
        bare_model=model,
        weight_digests={"clip_rn": "ab"},
    )
    return SimpleNamespace(**{**facts, **more})


def test_loss_that_is_not_finite_stops_the_run_and_names_the_images(tmp_path):
    batch = dict(data_samples=[SimpleNamespace(img_id=31), SimpleNamespace(img_id=8)])
    losses = dict(loss=torch.tensor(float("nan"), requires_grad=True), loss_mask=torch.tensor(1.0))
    with pytest.raises(FloatingPointError, match=r"iteration 4.*images \[31, 8\]"):
        LossGuardHook().after_train_iter(runner(tmp_path), 0, batch, losses)
    found = json.loads((tmp_path / "bad_batch.json").read_text())
    assert found["images"] == [31, 8]
    assert found["losses"] == {"loss": "nan", "loss_mask": 1.0}
    assert (found["seed"], found["epoch"], found["iteration"]) == (7, 2, 4)


def test_images_of_joint_training_are_named_with_their_data_set(tmp_path):
    batch = dict(data_samples=[SimpleNamespace(img_id=31, data_set="boxes")])
    with pytest.raises(FloatingPointError, match=r"images \['boxes: 31'\]"):
        LossGuardHook().after_train_iter(
            runner(tmp_path), 0, batch, dict(loss=torch.tensor(float("inf")))
        )


def test_bad_batches_are_skipped_up_to_the_limit_and_written_each(tmp_path):
    layer = torch.nn.Linear(3, 2)
    wrapper = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1))
    said = []
    made = runner(tmp_path, optim_wrapper=wrapper, logger=SimpleNamespace(warning=said.append))
    made.cfg.skip_bad_steps = 2
    guard = LossGuardHook()
    guard.before_train(made)
    before = layer.weight.clone()
    batch = dict(data_samples=[SimpleNamespace(img_id=5)])
    for made.iter in (6, 7, 8):
        layer(torch.full((1, 3), float("nan"))).sum().backward()
        wrapper.optimizer.step()
        if made.iter < 8:
            guard.after_train_iter(made, 0, batch, dict(loss=torch.tensor(0.5)))
            continue
        with pytest.raises(
            FloatingPointError, match=r"gradients .* 8; images \[5\].*after 2 skipped ones"
        ):
            guard.after_train_iter(made, 0, batch, dict(loss=torch.tensor(0.5)))
    assert torch.equal(layer.weight, before)
    assert [text.endswith(f"skipped, {index} so far") for index, text in enumerate(said, 1)] == [
        True
    ] * 2
    files = sorted(path.name for path in tmp_path.glob("bad_batch*.json"))
    assert files == ["bad_batch.json", "bad_batch_6.json", "bad_batch_7.json"]
    assert json.loads((tmp_path / "bad_batch_7.json").read_text())["gradients"] == "not finite"


def test_finite_losses_pass(tmp_path):
    LossGuardHook().after_train_iter(runner(tmp_path), 0, {}, dict(loss=torch.tensor(1.0)))
    assert not list(tmp_path.iterdir())


def test_progress_says_stage_step_loss_and_time_left(tmp_path):
    hook = ProgressHook(interval=0)
    hook.before_train(runner(tmp_path, iter=3))  # resumed at step 3
    hook.after_train_iter(runner(tmp_path), 0, None, dict(loss=torch.tensor(2.5)))
    found = json.loads((tmp_path / "progress.json").read_text())
    assert found["stage"] == "mini/x"
    assert (found["step"], found["total"], found["loss"]) == (5, 10, 2.5)
    assert found["seconds_left"] >= 0


def test_progress_is_written_at_most_once_an_interval_but_at_the_end(tmp_path):
    hook = ProgressHook(interval=1000)
    hook.before_train(runner(tmp_path))
    for step in (4, 5, 6):
        hook.after_train_iter(runner(tmp_path, iter=step), 0, None, {})
    assert json.loads((tmp_path / "progress.json").read_text())["step"] == 5
    hook.after_train_iter(runner(tmp_path, iter=9), 0, None, {})
    assert json.loads((tmp_path / "progress.json").read_text())["step"] == 10


def test_exported_weights_hold_the_model_and_its_origin(tmp_path):
    made = runner(tmp_path)
    ExportWeightsHook().after_train(made)
    tensors = read_tensors(tmp_path / "weights.safetensors")
    assert torch.equal(tensors["weight"], made.bare_model.weight)
    metadata = read_metadata(tmp_path / "weights.safetensors")
    assert (metadata["config"], metadata["seed"]) == ("mini/x", "7")
    assert json.loads(metadata["initial_weights"]) == {"clip_rn": "ab"}
    assert json.loads(metadata["options"]) == {"model.width": "3"}  # a place is no change of content


def test_weights_trained_on_drawn_pictures_say_their_world(tmp_path):
    for name, world in (("shapes", str(WORLD_VERSION)), ("COCO", None)):
        made = runner(tmp_path)
        made.cfg.dataset_name = name
        ExportWeightsHook().after_train(made)
        assert read_metadata(tmp_path / "weights.safetensors").get("shapes_world") == world


def test_exported_weights_keep_every_licence_they_started_from(tmp_path):
    """Of a stage trained from released weights, of a file that states one, and of a cached teacher."""
    released = "ovsam_sam2clip_rn50x16"
    before = {"config": "mini/a", "initial_weights": json.dumps({released: "cd"})}
    save_weights({"weight": torch.zeros(2)}, tmp_path / "old_stage" / "weights.safetensors", before)
    own = {"config": "mini/b", "initial_weights": json.dumps({"sam_vit": "ef"})}
    save_weights({"weight": torch.zeros(2)}, tmp_path / "own_stage" / "weights.safetensors", own)
    save_weights({"weight": torch.zeros(2)}, tmp_path / "named.safetensors", {"licence": "CC-BY-4.0"})
    digests = dict.fromkeys(["old_stage", "own_stage", str(tmp_path / "named.safetensors")], "0")
    teacher = {"weights": "first_mask:sam_vit_h#mask_decoder"}
    config = Config(dict(weights_root=str(tmp_path), cached_teacher=teacher))
    config.experiment_name = "mini/x"
    made = runner(tmp_path, weight_digests=digests, cfg=config, logger=logging.getLogger("test"))
    hook = ExportWeightsHook()
    hook.before_train(made)
    hook.after_train(made)
    metadata = read_metadata(tmp_path / "weights.safetensors")
    assert metadata["licence"] == f"{RELEASED[released].licence}; CC-BY-4.0; Apache-2.0"
    # and on, to what starts from it
    made.weight_digests = {str(tmp_path / "weights.safetensors"): "0"}
    made.cfg.cached_teacher = None
    hook.before_train(made)
    assert hook.licence == metadata["licence"]


def test_weights_trained_from_nothing_inherit_no_licence(tmp_path):
    made = runner(tmp_path, weight_digests={})
    hook = ExportWeightsHook()
    hook.before_train(made)
    hook.after_train(made)
    assert read_metadata(tmp_path / "weights.safetensors")["licence"] == ""


def test_foreign_files_without_a_licence_are_said_to_state_none(tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "found.pth")
    made = runner(tmp_path, weight_digests={str(tmp_path / "found.pth"): "0"})
    made.logger = logging.getLogger("test")
    hook = ExportWeightsHook()
    hook.before_train(made)
    assert hook.licence == "not stated"


def test_epoch_reaches_the_data_set(tmp_path):
    told = []
    loader = SimpleNamespace(dataset=SimpleNamespace(set_epoch=told.append))
    SetEpochHook().before_train_epoch(runner(tmp_path, train_dataloader=loader))
    assert told == [2]
