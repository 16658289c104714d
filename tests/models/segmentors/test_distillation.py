"""SAM2CLIP: mean squared error to the teacher, live or given."""

import pytest
import torch
from mmengine.runner.checkpoint import get_state_dict, load_state_dict

from ovsam.models.picture_cache import PictureCache


def test_loss_is_the_mean_over_all_positions_and_trains_the_neck_only(make, batch):
    model = make("distillation").train()
    images, samples = batch
    losses = model(images, samples, mode="loss")
    with torch.no_grad():
        expected = ((model.embed(images) - model.teacher(images)) ** 2).mean()
    torch.testing.assert_close(losses["loss_distillation"].detach(), expected)
    losses["loss_distillation"].backward()
    assert {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None} == {"neck"}
    assert not model.backbone.training
    assert not model.teacher.training


def test_given_features_replace_the_teacher(make, batch):
    images, samples = batch
    model = make("distillation").train()
    live = model(images, samples, mode="loss")["loss_distillation"]
    features = model.teach(images, samples)
    alone = make("distillation", teacher=None).train()
    torch.testing.assert_close(alone.state_dict(), model.state_dict(), rtol=0, atol=0)  # same start
    for sample, feature in zip(samples, features, strict=True):
        sample.teacher_features = feature
    torch.testing.assert_close(alone(images, samples, mode="loss")["loss_distillation"], live)


def test_stored_features_train_in_every_precision(make, batch):
    images, samples = batch
    model = make("distillation").train()
    with torch.no_grad():
        for sample, feature in zip(samples, model.teach(images, samples), strict=True):
            sample.teacher_features = feature.half()  # as a store keeps them
    exact = model(images, samples, mode="loss")["loss_distillation"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(images, samples, mode="loss")["loss_distillation"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, rtol=0.02, atol=0)
    assert half != exact


def test_what_frozen_parts_give_is_computed_once(make, batch):
    images, samples = batch
    model = make("distillation").train()
    expected = model(images, samples, mode="loss")["loss_distillation"]
    model.cache = PictureCache(max_gib=0.1)
    computed = model(images, samples, mode="loss")["loss_distillation"]
    kept_maps = len(model.cache)
    for part in (model.backbone, model.teacher):
        part.forward = None
    kept = model(images, samples, mode="loss")["loss_distillation"]
    assert kept_maps == 2 * len(images)
    assert torch.equal(kept, computed)
    torch.testing.assert_close(kept, expected, rtol=2e-2, atol=0)
    kept.backward()
    assert all(p.grad is not None for p in model.neck.parameters())


def test_prediction_reports_the_error_of_each_image(make, batch):
    images, samples = batch
    model = make("distillation").eval()
    predicted = model(images, samples, mode="predict")
    errors = torch.stack([sample.distillation_error for sample in predicted])
    torch.testing.assert_close(errors.mean(), model(images, samples, mode="loss")["loss_distillation"])
    assert errors[0] != errors[1]


def test_no_teacher_and_no_features_is_an_error(make, batch):
    with pytest.raises(ValueError, match="cache_teacher"):
        make("distillation", teacher=None)(*batch, mode="loss")


def test_teacher_is_in_no_state_dict_and_not_missed_by_one(make, batch, tmp_path):
    model = make("distillation").train()
    state = model.state_dict()
    assert {name.split(".")[0] for name in state} == {"backbone", "neck"}
    assert state.keys() == make("distillation", teacher=None).state_dict().keys()
    assert "teacher" in {name.split(".")[0] for name, _ in model.named_parameters()}
    assert model.teacher.state_dict()  # the part alone still loads strictly
    other = make("distillation")
    with torch.no_grad():
        other.neck.pos_embed += 1
        other.teacher.pos_embed += 1
    before = other.teacher.pos_embed.clone()
    other.load_state_dict(state, strict=True)
    torch.testing.assert_close(other.neck.pos_embed, model.neck.pos_embed, rtol=0, atol=0)
    torch.testing.assert_close(other.teacher.pos_embed, before, rtol=0, atol=0)
    state.pop("neck.pos_embed")
    with pytest.raises(RuntimeError, match=r"Missing key.*neck\.pos_embed"):
        other.load_state_dict(state, strict=True)


def test_checkpoints_leave_the_teacher_out_too(make):
    """mmengine saves and loads by functions of its own."""
    state = get_state_dict(make("distillation"))
    assert {name.split(".")[0] for name in state} == {"backbone", "neck"}
    load_state_dict(make("distillation"), state, strict=True)
    state.pop("neck.pos_embed")
    with pytest.raises(RuntimeError, match=r"neck\.pos_embed"):
        load_state_dict(make("distillation"), state, strict=True)


def test_features_for_some_samples_only_is_an_error(make, batch):
    images, samples = batch
    model = make("distillation")
    samples[1].teacher_features = model.teach(images, samples)[1]
    with pytest.raises(ValueError, match="1 of 2 samples have teacher_features"):
        model(images, samples, mode="loss")
