"""Contrastive training of a dense map by patches: what is pooled, what is trained, what is learnt."""

import pytest
import torch
from torch.nn import functional as F

from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    name="v", classes=(("red bar",), ("blue star",), ("green ring",)), category_ids=(5, 3, 9)
)
COLOURS = torch.tensor([[2.0, -1, -1], [-1, -1, 2.0], [-1, 2.0, -1]])


def small_clip(**changes):
    return DenseContrastiveClip(
        backbone=DenseClip(architecture="shapes-vit", image_size=32),
        vocabulary=VOCABULARY,
        template="a {}",
        **changes,
    )


def halves(count):
    """Pictures whose left half has one colour and whose right half another, with boxes and ids."""
    labels = torch.randint(3, (count, 2))
    images = COLOURS[labels].permute(0, 2, 1).repeat_interleave(16, dim=2)[:, :, None]
    images = images.expand(-1, -1, 32, -1) + 0.1 * torch.randn(count, 3, 32, 32)
    boxes = torch.tensor([[0.0, 0, 16, 32], [16, 0, 32, 32]])
    ids = torch.tensor(VOCABULARY.category_ids)[labels]
    return images, [boxes] * count, list(ids), labels.flatten().tolist()


BOXES = [torch.tensor([[0.0, 0, 40, 64]]), torch.tensor([[17.0, 33, 47, 64], [50, 50, 52, 52]])]
IDS = [torch.tensor([5]), torch.tensor([9, 3])]


def cosines(clip, images):
    """Of every cell of the 4 x 4 map of each image with the three names: (B, 3, 4, 4)."""
    texts = clip.backbone.encode_text(["a red bar", "a blue star", "a green ring"])
    features = F.normalize(clip.backbone(images).map, dim=1)
    return torch.einsum("bdhw,td->bthw", features, F.normalize(texts, dim=1)), features


def test_a_region_is_the_mean_of_the_patches_in_the_core_of_its_box():
    clip = small_clip().eval()
    images = torch.randn(2, 3, 64, 64)  # shown to CLIP at 32 px: cells of 16 px here
    with torch.no_grad():
        found = clip(images, BOXES)
        # Of the first box the core is x 4 to 36, y 6.4 to 57.6: the columns with middles 8, 24.
        first = cosines(clip, images)[1][0, :, :, :2].mean(dim=(1, 2))
        second = cosines(clip, images)[1][1]
        vectors = torch.stack([first, second[:, 2:, 1:3].mean(dim=(1, 2)), second[:, 3, 3]])
        texts = F.normalize(
            clip.backbone.encode_text(["a red bar", "a blue star", "a green ring"]), dim=1
        )
    expected = F.normalize(vectors, dim=1) @ texts.t() / 0.07
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_corners_of_a_box_count_only_with_its_whole_core():
    images, boxes = torch.randn(1, 3, 64, 64), [torch.tensor([[0.0, 0, 64, 64]])]
    for core, num_cells in ((0.8, 16), (0.7, 4)):  # middles at 8 and 56 px: 0.75 of the sides
        clip = small_clip(core=core).eval()
        assert (clip.patches_of_regions(images, boxes)[1] > 0).sum() == num_cells


def test_the_loss_is_that_of_every_patch_and_every_box_counts_once():
    clip = small_clip().eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found = clip(images, BOXES, IDS, mode="loss")["loss_contrastive"]
        losses = -(cosines(clip, images)[0] / 0.07).log_softmax(dim=1)  # (B, 3, 4, 4)
    of_boxes = [losses[0, 0, :, :2].mean(), losses[1, 2, 2:, 1:3].mean(), losses[1, 1, 3, 3]]
    torch.testing.assert_close(found, sum(of_boxes) / 3, atol=1e-4, rtol=1e-4)


def test_all_of_clip_is_trained_but_what_a_dense_map_does_not_read():
    clip = small_clip().train()
    images, boxes, ids, _ = halves(2)
    clip(images, boxes, ids, mode="loss")["loss_contrastive"].backward()
    unread = {n for n, p in clip.named_parameters() if p.requires_grad and p.grad is None}
    last = "backbone.visual.transformer.resblocks.5.attn."
    assert unread == {f"{last}q_proj_weight", f"{last}k_proj_weight"}
    assert not clip.backbone.logit_scale.requires_grad


def test_two_halves_of_a_picture_are_told_apart():
    torch.manual_seed(0)
    clip = small_clip().train()
    optimiser = torch.optim.AdamW([p for p in clip.parameters() if p.requires_grad], lr=2e-3)
    for _ in range(30):
        images, boxes, ids, _ = halves(16)
        loss = clip(images, boxes, ids, mode="loss")["loss_contrastive"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    images, boxes, ids, labels = halves(30)
    answers = clip.eval()(images, boxes, ids, mode="predict")
    assert [answer["gt_label"] for answer in answers] == labels
    assert sum(answer["pred_label"] == answer["gt_label"] for answer in answers) > 54
    unknown = clip(images, boxes, mode="predict")
    assert {answer["gt_label"] for answer in unknown} == {-1}


def test_wrong_mode_and_missing_names_are_refused():
    clip = small_clip()
    with pytest.raises(ValueError, match="mode must be"):
        clip(torch.zeros(1, 3, 32, 32), [torch.zeros(1, 4)], mode="train")
    with pytest.raises(ValueError, match="needs category_ids"):
        clip(torch.zeros(1, 3, 32, 32), [torch.zeros(1, 4)], mode="loss")
