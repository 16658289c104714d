"""Losses: hand-computed values, points, and two processes equal to one."""

import math

import pytest
import torch
import torch.multiprocessing as multiprocessing
from torch import distributed

from ovsam.models.losses import (
    ClassificationLoss,
    GridMaskLoss,
    PointMaskLoss,
    dice_loss,
    sample_points,
)

LOGITS = torch.tensor([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0], [0.0, 0.0, 3.0]])


def test_cross_entropy_is_averaged_by_the_weights_of_the_targets():
    labels = torch.tensor([0, 1, 2])  # 2 is background
    log_probs = LOGITS.log_softmax(1)
    expected = -(log_probs[0, 0] + log_probs[1, 1] + 0.1 * log_probs[2, 2]) / 2.1
    torch.testing.assert_close(ClassificationLoss(weight=3.0)(LOGITS, labels), 3 * expected)


def test_unknown_labels_are_left_out():
    loss = ClassificationLoss(weight=1.0)
    with_unknown = loss(LOGITS, torch.tensor([0, -1, 1]))
    torch.testing.assert_close(with_unknown, loss(LOGITS[[0, 2]], torch.tensor([0, 1])))


@pytest.mark.parametrize("count", [0, 2])
def test_no_known_label_gives_zero_with_a_gradient(count):
    logits = torch.randn(count, 4, requires_grad=True)
    value = ClassificationLoss()(logits, torch.full((count,), -1))
    value.backward()
    assert value == 0
    assert logits.grad.abs().sum() == 0


def test_dice_by_hand():
    probs, targets = torch.tensor([[1.0, 0.5, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    assert dice_loss(probs, targets).item() == pytest.approx(1 - (2 * 1.5 + 1) / (1.5 + 2 + 1))
    assert dice_loss(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_grid_targets_are_the_covered_share_of_each_cell():
    targets = torch.zeros(1, 8, 8, dtype=torch.bool)
    targets[:, :4, :3] = True  # cells of 4 px: 0.75 of the first one
    logits = torch.full((1, 2, 2), math.log(3.0))  # probability 0.75
    losses = GridMaskLoss(bce_weight=1.0, dice_weight=2.0)(logits, targets, counts=[1], seeds=[0])
    bce = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / 4 - 3 * math.log(0.25) / 4
    assert losses["loss_mask"].item() == pytest.approx(bce)
    dice = 1 - (2 * 0.75 * 0.75 + 1) / (4 * 0.75 + 0.75 + 1)
    assert losses["loss_dice"].item() == pytest.approx(2 * dice)


def test_masks_without_instances_give_zero_with_a_gradient():
    logits = torch.randn(0, 4, 6, requires_grad=True)
    for loss in (GridMaskLoss(), PointMaskLoss(num_points=8)):
        losses = loss(logits, torch.zeros(0, 8, 12), counts=[0, 0], seeds=[1, 2])
        sum(losses.values()).backward()
        assert all(value == 0 for value in losses.values())


def test_points_read_the_map_bilinearly():
    maps = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
    points = torch.tensor([[[0.25, 0.25], [0.75, 0.25], [0.5, 0.5], [0.5, 0.75]]])
    torch.testing.assert_close(sample_points(maps, points), torch.tensor([[0.0, 1.0, 1.5, 2.5]]))


def test_points_prefer_uncertain_places():
    logits = torch.full((2, 16, 16), 9.0)
    logits[:, :, :4] = 0.0  # undecided in the left quarter
    loss = PointMaskLoss(num_points=200, oversample_ratio=3, importance_ratio=0.75)
    points = loss.choose_points(logits, counts=[1, 1], seeds=[3, 4])
    assert points.shape == (2, 200, 2)
    share = (points[..., 0] < 0.3).float().mean()
    assert 0.7 < share < 0.95  # 150 of 200 uncertain, the rest anywhere
    assert ((points >= 0) & (points <= 1)).all()


def test_points_depend_on_the_image_alone():
    logits = torch.randn(3, 8, 8)
    loss = PointMaskLoss(num_points=10)
    together = loss.choose_points(logits, counts=[2, 1], seeds=[5, 6])
    torch.testing.assert_close(together[:2], loss.choose_points(logits[:2], counts=[2], seeds=[5]))
    torch.testing.assert_close(together[2:], loss.choose_points(logits[2:], counts=[1], seeds=[6]))
    assert not torch.equal(together[0], together[2])


def batch():
    generator = torch.Generator().manual_seed(3)
    mask_logits = torch.randn(5, 6, 6, generator=generator)
    targets = torch.rand(5, 12, 12, generator=generator) > 0.5
    class_logits = torch.randn(5, 4, generator=generator)
    return mask_logits, targets, class_logits, torch.tensor([0, 3, -1, 2, 1])


def losses_of(rows, counts, seeds):
    mask_logits, targets, class_logits, labels = (t[rows] for t in batch())
    mask_logits.requires_grad_()
    class_logits.requires_grad_()
    losses = PointMaskLoss(num_points=20)(mask_logits, targets, counts=counts, seeds=seeds)
    losses["loss_cls"] = ClassificationLoss()(class_logits, labels)
    sum(losses.values()).backward()
    values = torch.stack([losses[name] for name in sorted(losses)]).detach()
    return values, mask_logits.grad, class_logits.grad


def worker(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2)
    rows, counts, seeds = ((slice(0, 1), [1], [7]), (slice(1, 5), [1, 3], [8, 9]))[rank]
    torch.save(losses_of(rows, counts, seeds), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_with_unequal_counts_equal_one(tmp_path):
    # Forked children start at once; on one thread they touch no thread pool of the parent.
    multiprocessing.start_processes(worker, (str(tmp_path),), nprocs=2, start_method="fork")
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    whole = losses_of(slice(0, 5), [1, 1, 3], [7, 8, 9])
    torch.testing.assert_close((parts[0][0] + parts[1][0]) / 2, whole[0])
    for index in (1, 2):  # averaging over processes halves every process's gradient
        gradient = torch.cat([parts[0][index], parts[1][index]]) / 2
        torch.testing.assert_close(gradient, whole[index])
