import math

import pytest
import torch
from torch.nn import functional as F

from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.segmentors.contrastive import ContrastiveClip, contrastive_loss
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    name="v", classes=(("red bar",), ("blue star",), ("green ring",)), category_ids=(5, 3, 9)
)


def small_clip():
    return ContrastiveClip(
        image_encoder=ClipImageEncoder(architecture="shapes-rn"),
        text_encoder=ClipTextEncoder(architecture="shapes-rn"),
        vocabulary=VOCABULARY,
        templates=("a {}",),
    )


def flat_colours(labels):
    """(B, 3, 32, 32) noise around one value per channel, different for every label."""
    colours = torch.eye(3)[labels] * 2
    return colours[:, :, None, None] + 0.1 * torch.randn(len(labels), 3, 32, 32)


def test_loss_by_hand():
    logits = torch.tensor([[2.0, 0.0], [1.0, 0.5], [0.0, 3.0]])
    loss = contrastive_loss(logits, torch.tensor([0, 0, 1]))
    image_to_text = -sum(
        [
            math.log(math.exp(2) / (math.exp(2) + 1)),
            math.log(math.exp(1) / (math.exp(1) + math.exp(0.5))),
            math.log(math.exp(3) / (1 + math.exp(3))),
        ]
    )
    first_text = math.log(math.exp(2) + math.exp(1) + 1) - (2 + 1) / 2  # two positive images
    second_text = math.log(1 + math.exp(0.5) + math.exp(3)) - 3
    expected = (image_to_text / 3 + (first_text + second_text) / 2) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_text_without_images_is_a_negative_only():
    logits, index = torch.randn(3, 2), torch.tensor([0, 0, 1])
    impossible = torch.full((3, 1), -1e4)
    torch.testing.assert_close(
        contrastive_loss(torch.cat([logits, impossible], dim=1), index), contrastive_loss(logits, index)
    )
    likely = torch.full((3, 1), 5.0)
    assert contrastive_loss(torch.cat([logits, likely], dim=1), index) > contrastive_loss(logits, index)


def test_equal_names_are_no_negatives_of_each_other():
    clip = small_clip()
    vectors = F.normalize(torch.randn(4, 64), dim=-1)
    captions = ["a red bar", "a blue star", "a photo of a red bar", "a red bar"]
    names = [frozenset({name}) for name in ("red bar", "blue star", "red bar", "red bar")]
    texts = ["a red bar", "a blue star", "a green ring"]  # the last is a name without an image
    text_vectors = F.normalize(clip.text_encoder.encode(texts), dim=-1)
    expected = contrastive_loss(vectors @ text_vectors.t() / 0.07, torch.tensor([0, 1, 0, 0]))
    torch.testing.assert_close(clip.loss(vectors, captions, names), expected)


def test_a_text_that_says_less_is_no_negative():
    clip = small_clip()
    vectors = F.normalize(torch.randn(2, 64), dim=-1)
    both, one = frozenset({"blue star", "red bar"}), frozenset({"red bar"})
    captions = ["a blue star and a red bar", "a red bar"]
    texts = F.normalize(clip.text_encoder.encode([*captions, "a blue star", "a green ring"]), dim=-1)
    logits = vectors @ texts.t() / 0.07
    first = -F.log_softmax(logits[0, [0, 3]], dim=0)[0]  # both names are in the window
    second = -F.log_softmax(logits[1], dim=0)[1]
    columns = [-F.log_softmax(logits[:, 0], dim=0)[0], torch.tensor(0.0)]  # one image left in the other
    expected = (first + second) / 4 + sum(columns) / 4
    torch.testing.assert_close(clip.loss(vectors, captions, [both, one]), expected)


def test_a_text_that_every_image_outdoes_gives_finite_gradients():
    clip = small_clip()
    vectors = F.normalize(torch.randn(1, 64), dim=-1).requires_grad_()
    clip.loss(vectors, ["a blue star and a red bar"], [frozenset({"blue star", "red bar"})]).backward()
    assert torch.isfinite(vectors.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in clip.parameters() if p.grad is not None)


def test_scale_is_learnt_and_bounded():
    clip = small_clip()
    clip.log_logit_scale.data.fill_(100.0)
    vectors = F.normalize(torch.randn(2, 64), dim=-1)
    captions, names = ["a red bar", "a blue star"], [frozenset({"red bar"}), frozenset({"blue star"})]
    assert clip.loss(vectors, captions, names) <= 200
    clip = small_clip()
    clip.loss(vectors, captions, names).backward()
    assert clip.log_logit_scale.grad.abs() > 0


def test_it_learns_names_of_flat_colours_and_predicts_in_vocabulary_order():
    clip = small_clip().train()
    optimiser = torch.optim.AdamW(clip.parameters(), lr=3e-3)
    labels = torch.tensor([0, 1, 2] * 4)
    names = [frozenset({VOCABULARY.names[label]}) for label in labels]
    losses = []
    for _ in range(12):
        captions = [f"a {min(group)}" for group in names]
        loss = clip(flat_colours(labels), captions=captions, names=names, mode="loss")
        loss["loss_contrastive"].backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss["loss_contrastive"].item())
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        results = clip(flat_colours(torch.tensor([2, 0, 1])), category_ids=[9, 5, 3], mode="predict")
    assert results == [dict(pred_label=label, gt_label=label) for label in (2, 0, 1)]


def test_tensor_mode_gives_unit_vectors():
    vectors = small_clip()(torch.randn(2, 3, 32, 32))
    assert vectors.shape == (2, 64)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_unknown_mode():
    with pytest.raises(ValueError, match="'tensor', got 'train'"):
        small_clip()(torch.zeros(2, 3, 32, 32), mode="train")
