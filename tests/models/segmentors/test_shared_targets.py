"""Losses where several prompts have one target, whose mask comes once."""

import copy

import pytest
import torch


def shared(samples):
    """The same samples with every mask once, and the rows of each prompt; in another order."""
    found = []
    for sample in samples:
        masks = sample.gt_instances.masks
        order = torch.arange(len(masks)).flip(0)
        one = copy.deepcopy(sample)
        del one.gt_instances.masks
        one.instance_masks = masks[order]
        one.gt_instances.mask_rows = order.argsort()
        found.append(one)
    return found


def test_target_masks_are_those_of_the_prompts(batch):
    _, samples = batch
    for one, other in zip(samples, shared(samples), strict=True):
        assert "masks" not in other.gt_instances
        assert torch.equal(one.target_masks, other.target_masks)


@pytest.mark.parametrize("decoded", [None, 1, 2])
def test_losses_are_the_same(make, batch, decoded):
    model = make("ovsam", decoded_prompts=decoded).train()
    images, samples = batch
    expected = model(images, samples, mode="loss")
    found = model(images, shared(samples), mode="loss")
    assert found.keys() == expected.keys()
    for name, loss in expected.items():
        assert torch.equal(found[name], loss), name


def test_masks_of_both_ways_move_with_their_sample(batch):
    _, samples = batch
    assert all(sample.to("meta").target_masks.is_meta for sample in (*samples, *shared(samples)))
