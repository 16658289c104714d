"""SAM2CLIP: mean squared error to the teacher, live or given."""

import pytest
import torch


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
    alone.load_state_dict(
        {n: t for n, t in model.state_dict().items() if not n.startswith("teacher.")}, strict=True
    )
    for sample, feature in zip(samples, features, strict=True):
        sample.teacher_features = feature
    torch.testing.assert_close(alone(images, samples, mode="loss")["loss_distillation"], live)


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
