"""Contrastive training of a dense map: the loss by hand, what is trained, and that names are learnt."""

import math

import pytest
import torch

from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.segmentors.dense_contrastive import DenseContrastiveClip, presence_loss
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    name="v", classes=(("red bar",), ("blue star",), ("green ring",)), category_ids=(5, 3, 9)
)


def small_clip():
    return DenseContrastiveClip(
        backbone=DenseClip(architecture="shapes-vit", image_size=32),
        vocabulary=VOCABULARY,
        template="a {}",
    )


def test_loss_by_hand():
    """Two names of one image are no negatives of each other; of a name, all images are."""
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.5, 0.0, 3.0]])
    shown = torch.tensor([[True, True, False], [False, False, True]])
    pairs = [
        math.log(1 + math.exp(0 - 2)),
        math.log(1 + math.exp(0 - 1)),
        math.log(1 + (math.exp(0.5) + 1) / math.exp(3)),
    ]
    texts = [math.log(1 + math.exp(d)) for d in (0.5 - 2, 0 - 1, 0 - 3)]
    expected = (sum(pairs) / 3 + sum(texts) / 3) / 2
    assert presence_loss(logits, shown).item() == pytest.approx(expected, rel=1e-5)


def test_one_patch_is_enough_and_the_number_of_patches_changes_nothing(monkeypatch):
    clip = small_clip().eval()
    texts = torch.eye(64)[:3]
    monkeypatch.setattr(clip.backbone, "encode_text", lambda sentences: texts)
    patches = torch.eye(64)[torch.tensor([[10, 10, 10, 1]])]  # one of four says the second name

    class Found:
        tokens = torch.cat([torch.zeros(1, 1, 64), patches], dim=1)

    monkeypatch.setattr(clip.backbone, "forward", lambda images: Found)
    scale = clip.log_logit_scale.exp().item()
    logits = clip.similarity(torch.zeros(1, 3, 32, 32))[0].tolist()
    assert logits[0] == pytest.approx(0, abs=1e-5)
    assert logits[1] == pytest.approx(math.log((math.exp(scale) + 3) / 4), rel=1e-5)


def test_all_of_clip_is_trained_and_the_rest_is_reachable():
    clip = small_clip().train()
    loss = clip(
        torch.randn(2, 3, 32, 32), None, [frozenset({"red bar"}), frozenset({"blue star"})], mode="loss"
    )
    loss["loss_contrastive"].backward()
    unread = {n for n, p in clip.named_parameters() if p.requires_grad and p.grad is None}
    last = "backbone.visual.transformer.resblocks.5.attn."
    assert unread == {f"{last}q_proj_weight", f"{last}k_proj_weight"}
    assert not clip.backbone.logit_scale.requires_grad


def test_names_of_colours_are_learnt():
    torch.manual_seed(0)
    clip = small_clip().train()
    colours = torch.tensor([[2.0, -1, -1], [-1, -1, 2.0], [-1, 2.0, -1]])
    optimiser = torch.optim.AdamW([p for p in clip.parameters() if p.requires_grad], lr=2e-3)

    def pictures(count):
        labels = torch.randint(3, (count,))
        return colours[labels][:, :, None, None] + 0.1 * torch.randn(count, 3, 32, 32), labels

    for _ in range(12):
        images, labels = pictures(16)
        names = [frozenset({VOCABULARY.names[label]}) for label in labels]
        loss = clip(images, None, names, mode="loss")["loss_contrastive"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    images, labels = pictures(30)
    categories = [VOCABULARY.category_ids[label] for label in labels]
    answers = clip.eval()(images, category_ids=categories, mode="predict")
    assert [answer["gt_label"] for answer in answers] == labels.tolist()
    assert sum(answer["pred_label"] == answer["gt_label"] for answer in answers) >= 28


def test_wrong_mode_and_missing_names_are_refused():
    clip = small_clip()
    with pytest.raises(ValueError, match="mode must be"):
        clip(torch.zeros(1, 3, 32, 32), mode="train")
    with pytest.raises(ValueError, match="needs names"):
        clip(torch.zeros(1, 3, 32, 32), mode="loss")
