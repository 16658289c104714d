"""Promptable SAM: trains every part, overfits, equals its parts."""

import torch

from ovsam.models.segmentors.base import stacked_masks


def test_every_parameter_of_the_answer_trains(make, batch):
    model = make("sam").train()
    losses = model(*batch, mode="loss")
    assert set(losses) == {"loss_mask", "loss_dice"}
    sum(losses.values()).backward()
    without = {n for n, p in model.named_parameters() if p.grad is None}
    # Only mask prompts read these, and there are none.
    assert {n.rsplit(".", 2)[0] for n in without} <= {"prompt_encoder.mask_downscaling"}


def test_a_few_steps_lower_the_loss(make, batch):
    model = make("sam").train()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    values = []
    for _ in range(30):
        loss = sum(model(*batch, mode="loss").values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[-1] < 0.6 * values[0]


def test_prediction_has_masks_only(make, batch):
    predicted = make("sam").eval()(*batch, mode="predict")
    assert [tuple(s.pred_instances.masks.shape) for s in predicted] == [(3, 75, 100), (2, 128, 80)]
    assert "labels" not in predicted[0].pred_instances


def test_target_masks_are_padded_to_the_square(make, batch):
    _, samples = batch
    stacked = stacked_masks(samples, 64, torch.device("cpu"))
    assert stacked.shape == (5, 64, 64)
    assert not stacked[:3, 48:].any()
    assert not stacked[3:, :, 40:].any()
    torch.testing.assert_close(stacked[3, :, :40], samples[1].gt_instances.masks[0])
