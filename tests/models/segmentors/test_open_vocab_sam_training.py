"""Open-Vocabulary SAM in training: what trains, of which samples, and what is refused."""

import pytest
import torch

from ovsam.models.class_draws import FederatedClassLoss, SampledClassLoss
from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.picture_cache import PictureCache


def test_loss_trains_decoder_pyramid_and_head_only(make, batch):
    model = make("ovsam").train()
    images, samples = batch
    losses = model(images, samples, mode="loss")
    assert set(losses) == {"loss_mask", "loss_dice", "loss_cls"}
    sum(losses.values()).backward()
    trained = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert trained == {"mask_decoder", "pyramid", "region_head"}
    lacking = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not lacking  # every process must hand in every gradient
    frozen = (model.backbone, model.neck, model.prompt_encoder, model.classifier)
    assert not any(part.training for part in frozen)


def test_kept_features_give_the_losses_of_computed_ones(make, batch):
    model = make("ovsam").train()
    images, samples = batch
    expected = model(images, samples, mode="loss")
    model.cache = PictureCache(max_gib=0.1)
    computed = model(images, samples, mode="loss")
    for part in (model.backbone, model.neck):
        part.forward = None  # nothing is computed again
    kept = model(images, samples, mode="loss")
    for name, loss in expected.items():
        assert torch.equal(kept[name], computed[name])
        torch.testing.assert_close(kept[name], loss, rtol=2e-2, atol=0)


def test_of_some_prompts_masks_are_learnt_and_of_all_names(make, batch):
    images, samples = batch
    model = make("ovsam").train()
    whole = model(images, samples, mode="loss")
    model.decoded_prompts = 1
    decoded = []
    model.mask_decoder.register_forward_hook(lambda *call: decoded.append(len(call[1][2])))
    some = model(images, samples, mode="loss")
    assert sum(decoded) == len(samples) < sum(len(sample.prompts) for sample in samples)
    assert torch.equal(some["loss_cls"], whole["loss_cls"])
    assert not torch.equal(some["loss_dice"], whole["loss_dice"])
    model.decoded_prompts = 9
    assert torch.equal(model(images, samples, mode="loss")["loss_dice"], whole["loss_dice"])


def test_of_a_share_of_pictures_one_mask_is_learnt(make, batch):
    images, samples = batch
    model = make("ovsam", decoded_prompts=0.3).train()
    decoded = []
    model.mask_decoder.register_forward_hook(lambda *call: decoded.append(len(call[1][2])))
    for seed in range(200):
        samples[0].set_metainfo({"sample_seed": seed})
        losses = model(images[:1], samples[:1], mode="loss")
        assert torch.isfinite(sum(losses.values()))
    assert set(decoded) == {0, 1}
    assert 40 <= sum(decoded) <= 80  # 200 draws: 60, and three standard deviations of 6.5


def supervised(samples, kinds):
    for sample, kind in zip(samples, kinds, strict=True):
        sample.set_metainfo({"supervision": kind})
    return samples


def test_masks_are_learnt_of_samples_that_have_some_and_names_of_all(make, batch):
    images, samples = batch
    model = make("ovsam").train()
    whole = model(images, samples, mode="loss")
    alone = model(images[:1], samples[:1], mode="loss")
    mixed = model(images, supervised(samples, ("masks", "boxes")), mode="loss")
    assert torch.equal(mixed["loss_cls"], whole["loss_cls"])
    for name in ("loss_mask", "loss_dice"):
        torch.testing.assert_close(mixed[name], alone[name])
        assert not torch.allclose(mixed[name], whole[name])


@pytest.mark.parametrize("kinds", [("boxes", "boxes"), ("image", "boxes")])
def test_without_any_mask_the_neck_is_not_run_and_no_gradient_is_missing(make, batch, kinds):
    images, samples = batch
    model = make("ovsam", cache=PictureCache(max_gib=0.1)).train()
    whole = model(images, samples, mode="loss")
    model.neck = None
    losses = model(images, supervised(samples, kinds), mode="loss")
    assert losses["loss_mask"] == losses["loss_dice"] == 0
    torch.testing.assert_close(losses["loss_cls"], whole["loss_cls"], rtol=2e-2, atol=0)
    sum(losses.values()).backward()
    parameters = [p for name, p in model.named_parameters() if p.requires_grad]
    assert all(p.grad is not None for p in parameters)
    assert all(p.grad.abs().sum() == 0 for p in model.mask_decoder.parameters())


def test_unknown_classes_train_masks_only(make, batch):
    images, samples = batch
    model = make("ovsam").train()
    whole = model(images, samples, mode="loss")
    for sample in samples:
        sample.gt_instances.labels[:] = -1
    losses = model(images, samples, mode="loss")
    assert losses["loss_cls"] == 0
    assert torch.equal(losses["loss_mask"], whole["loss_mask"])


@pytest.mark.parametrize("loss", [SampledClassLoss(num_drawn=9), FederatedClassLoss(num_classes=9)])
def test_losses_that_draw_all_classes_equal_the_cross_entropy(make, batch, loss):
    images, samples = batch
    expected = make("ovsam").train()(images, samples, mode="loss")["loss_cls"]
    model = make("ovsam", class_loss=loss).train()
    torch.testing.assert_close(model(images, samples, mode="loss")["loss_cls"], expected)


def test_without_a_mask_loss_nothing_is_decoded(make, batch):
    images, samples = batch
    model = make("ovsam").train()
    expected = model(images, samples, mode="loss")["loss_cls"]
    model.mask_loss = model.mask_decoder = model.neck = None
    model.cache = PictureCache(max_gib=0.1)
    losses = model(images, samples, mode="loss")
    assert set(losses) == {"loss_cls"}
    torch.testing.assert_close(losses["loss_cls"], expected, rtol=2e-2, atol=0)


def test_what_does_not_go_together_is_refused(make):
    for number in (0, 1.5, -1, float("nan"), float("inf")):
        with pytest.raises(
            ValueError, match=f"decoded_prompts must be .* a share below 1, got {number}"
        ):
            make("ovsam", decoded_prompts=number)
    token = dict(type=Clip2SamDecoder, num_heads=2, mlp_dim=24, label_classifies=True)
    token = dict(mask_decoder=token, pyramid=None, region_head=None)
    with pytest.raises(ValueError, match=r"a label token learns names of decoded prompts.* got 0\.5"):
        make("ovsam", decoded_prompts=0.5, **token)
    with pytest.raises(ValueError, match="cache keeps what a frozen neck gives"):
        make("ovsam", train_neck=True, cache=dict(type=PictureCache, max_gib=1))


def test_the_neck_learns_where_it_is_asked_to(make, batch):
    model = make("ovsam", train_neck=True).train()
    images, samples = batch
    model(images, samples, mode="loss")["loss_dice"].backward()
    assert all(p.grad is not None for p in model.neck.parameters())
    assert not any(p.requires_grad for p in model.backbone.parameters())


def test_without_a_mask_loss_only_names_are_learnt(make, batch):
    model = make("ovsam").train()
    both = model(*batch, mode="loss")
    model.mask_loss = None
    alone = model(*batch, mode="loss")
    assert list(alone) == ["loss_cls"]
    torch.testing.assert_close(alone["loss_cls"], both["loss_cls"])


def test_base_vocabulary_takes_other_names_out_of_the_softmax(make, batch):
    images, samples = batch
    model = make("ovsam", train_vocabulary="base").train()
    before = model(images, samples, mode="loss")["loss_cls"]
    embeddings = model.classifier.embeddings.clone()
    embeddings[2:] = torch.randn_like(embeddings[2:])
    model.classifier.embeddings_from(embeddings)
    torch.testing.assert_close(model(images, samples, mode="loss")["loss_cls"], before)
    model.train_vocabulary = "all"
    assert not torch.allclose(model(images, samples, mode="loss")["loss_cls"], before)


def test_base_vocabulary_refuses_other_labels_but_not_unknown_ones(make, batch):
    images, samples = batch
    model = make("ovsam", train_vocabulary="base").train()
    samples[0].gt_instances.labels[1] = -1
    model(images, samples, mode="loss")
    samples[0].gt_instances.labels[1] = 3
    with pytest.raises(ValueError, match=r"labels \[3\], which are not base"):
        model(images, samples, mode="loss")


def test_targets_that_do_not_match_the_prompts_are_refused(make, batch):
    images, samples = batch
    samples[1].gt_instances = samples[1].gt_instances[:1]
    with pytest.raises(ValueError, match="row i must be the target of prompt i"):
        make("ovsam").train()(images, samples, mode="loss")
