"""Contrastive training of a dense map by captions: what is scored, what is trained, what is learnt."""

import pytest
import torch
from torch.nn import functional as F

from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip, names_loss
from ovsam.structures.vocabulary import Vocabulary

NAMES = ("red bar", "blue star", "green ring")
VOCABULARY = Vocabulary(name="v", classes=tuple((name,) for name in NAMES), category_ids=(5, 3, 9))
COLOURS = torch.tensor([[2.0, -1, -1], [-1, -1, 2.0], [-1, 2.0, -1]])


def small_clip(architecture="shapes-vit", image_size=32, **changes):
    return DenseContrastiveClip(
        backbone=DenseClip(architecture=architecture, image_size=image_size),
        vocabulary=VOCABULARY,
        template="a {}",
        **changes,
    )


def halves(count):
    """Pictures whose halves have a colour each, with names, boxes, ids and labels."""
    labels = torch.randint(3, (count, 2))
    images = COLOURS[labels].permute(0, 2, 1).repeat_interleave(16, dim=2)[:, :, None]
    images = images.expand(-1, -1, 32, -1) + 0.1 * torch.randn(count, 3, 32, 32)
    boxes = torch.tensor([[0.0, 0, 16, 32], [16, 0, 32, 32]])
    names = [frozenset(NAMES[label] for label in pair) for pair in labels.tolist()]
    ids = torch.tensor(VOCABULARY.category_ids)[labels]
    return images, names, [boxes] * count, list(ids), labels.flatten().tolist()


BOXES = [torch.tensor([[0.0, 0, 40, 64]]), torch.tensor([[17.0, 33, 47, 64], [50, 50, 52, 52]])]


def cosines(clip, images, names=NAMES):
    """Of every cell of the 4 x 4 map of each image with the names: (B, T, 4, 4)."""
    texts = F.normalize(clip.backbone.encode_text([f"a {name}" for name in names]), dim=1)
    features = F.normalize(clip.backbone(images).map, dim=1)
    return torch.einsum("bdhw,td->bthw", features, texts)


def test_a_region_is_the_mean_of_the_patches_in_the_core_of_its_box():
    clip = small_clip().eval()
    images = torch.randn(2, 3, 64, 64)  # shown to CLIP at 32 px: cells of 16 px here
    with torch.no_grad():
        features = F.normalize(clip.backbone(images).map, dim=1)
        found = clip.regions(clip(images), images, BOXES)
    # Of the first box the core is x 4 to 36, y 6.4 to 57.6: the columns with middles 8, 24.
    expected = [
        features[0, :, :, :2].mean(dim=(1, 2)),
        features[1, :, 2:, 1:3].mean(dim=(1, 2)),
        features[1, :, 3, 3],
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_corners_of_a_box_count_only_with_its_whole_core():
    images, boxes = torch.zeros(1, 3, 64, 64), [torch.tensor([[0.0, 0, 64, 64]])]
    patches = torch.eye(16)[None]
    for core, num_cells in ((0.8, 16), (0.7, 4)):  # middles at 8 and 56 px: 0.75 of the sides
        clip = small_clip(core=core).eval()
        assert (clip.regions(patches, images, boxes) > 0).sum() == num_cells


def test_a_name_is_scored_by_all_patches_and_meets_names_that_its_picture_does_not_have():
    clip = small_clip().eval()
    images = torch.randn(2, 3, 64, 64)
    held = [frozenset({"red bar", "green ring"}), frozenset({"blue star"})]
    texts = (*NAMES, "grey gear")
    with torch.no_grad():
        found = clip(images, held, ["grey gear"], mode="loss")["loss_contrastive"]
        scores = (cosines(clip, images, texts) / 0.07).flatten(2).exp().sum(dim=2)  # exp of the score
    of_names = [
        scores[0, 0] / scores[0, [0, 1, 3]].sum(),
        scores[0, 2] / scores[0, [2, 1, 3]].sum(),
        scores[1, 1] / scores[1].sum(),
    ]
    of_pictures = [scores[place, n] / scores[:, n].sum() for n, place in enumerate((0, 1, 0))]
    expected = -torch.stack(of_names).log().mean() - torch.stack(of_pictures).log().mean()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_pictures_of_one_name_share_its_half_of_the_loss():
    scores = torch.tensor([[1.0, -2.0], [3.0, 0.5], [0.2, 0.1]])
    is_held = torch.tensor([[True, False], [True, False], [False, False]])
    p = scores[:, 0].softmax(dim=0)
    names = (F.softplus(scores[:2, 1] - scores[:2, 0])).mean()
    torch.testing.assert_close(names_loss(scores, is_held), names - p[:2].log().mean())


@pytest.mark.parametrize("architecture", ["shapes-vit", "shapes-vit-dense"])
def test_texts_and_stem_stay_and_all_else_is_trained(architecture):
    clip = small_clip(architecture, image_size=32).train()
    clip(halves(2)[0], halves(2)[1], mode="loss")["loss_contrastive"].backward()
    last = f"backbone.visual.transformer.resblocks.{len(clip.backbone.visual.transformer.resblocks) - 1}"
    unread = {n for n, p in clip.named_parameters() if p.requires_grad and p.grad is None}
    assert unread == {f"{last}.attn.q_proj_weight", f"{last}.attn.k_proj_weight"}
    frozen = {n for n, p in clip.named_parameters() if not p.requires_grad}
    whole = (".text.", ".conv1.trunk.", "backbone.logit_scale")
    assert frozen == {n for n, _ in clip.named_parameters() if any(part in n for part in whole)}


def test_two_halves_of_a_picture_are_told_apart_without_boxes():
    torch.manual_seed(0)
    clip = small_clip().train()
    optimiser = torch.optim.AdamW([p for p in clip.parameters() if p.requires_grad], lr=2e-3)
    for _ in range(40):
        images, names, *_ = halves(16)
        loss = clip(images, names, mode="loss")["loss_contrastive"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    images, _, boxes, ids, labels = halves(30)
    answers = clip.eval()(images, boxes=boxes, category_ids=ids, mode="predict")
    assert [label for answer in answers for label in answer["gt_label"]] == labels
    found = [label for answer in answers for label in answer["pred_label"]]
    assert sum(label == true for label, true in zip(found, labels, strict=True)) > 54
    unknown = clip(images, boxes=boxes, mode="predict")
    assert [answer["gt_label"] for answer in unknown] == [[-1, -1]] * 30


@pytest.mark.parametrize(
    ("mode", "message"),
    [("train", "mode must be"), ("loss", "needs names"), ("predict", "needs boxes")],
)
def test_wrong_mode_and_missing_arguments_are_refused(mode, message):
    with pytest.raises(ValueError, match=message):
        small_clip()(torch.zeros(1, 3, 32, 32), mode=mode)
