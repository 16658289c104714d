"""CAT-Seg and ESC-Net in tiny: what chunks, batches and recomputation may not change, and bad input."""

import copy
from types import SimpleNamespace

import pytest
import torch

from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.decoders.aggregator import CostAggregator
from ovsam.models.decoders.catseg_decoder import GuidedUpsampler
from ovsam.models.decoders.cost_embedding import CostEmbedding
from ovsam.models.decoders.esc_block import EscRefiner
from ovsam.models.decoders.pseudo_prompts import PseudoPromptEncoder, PseudoPromptGenerator
from ovsam.models.decoders.upsampler import TapUpsampler
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.segmentors.catseg import CatSeg
from ovsam.models.segmentors.escnet import EscNet
from ovsam.models.semantic_loss import SemanticLoss
from ovsam.ops.correlation import correlate
from ovsam.ops.windows import SlidingViews
from ovsam.registry import build_model
from ovsam.structures.vocabulary import Vocabulary

NAMES = ["cat", "dog", "tall tree", "car, auto", "sky", "grass", "road"]
KINDS = ("catseg", "escnet")


class Sample(SimpleNamespace):
    def get(self, name, default=None):
        return getattr(self, name, default)


def config(kind):
    shared = dict(
        backbone=dict(type=DenseClip, architecture="shapes-vit", image_size=64, taps=(1, 3)),
        vocabulary=Vocabulary.from_names(NAMES),
        loss=dict(type=SemanticLoss),
        views=dict(type=SlidingViews, size=96, window=64, stride=32),
    )
    if kind == "catseg":
        return dict(
            type=CatSeg,
            cost_embedding=dict(type=CostEmbedding, channels=32),
            aggregator=dict(
                type=CostAggregator,
                grid=(8, 8),
                channels=32,
                guidance_channels=16,
                window=4,
                num_tokens=9,
            ),
            decoder=dict(
                type=GuidedUpsampler, channels=32, tap_channels=(24, 20), guidance_channels=(8, 4)
            ),
            **shared,
        )
    sam = dict(type=PromptEncoder, in_channels=32, image_size=64, embedding_size=8)
    return dict(
        type=EscNet,
        refiner=dict(
            type=EscRefiner,
            grid=(8, 8),
            generator=dict(type=PseudoPromptGenerator, num_regions=3),
            prompts=dict(type=PseudoPromptEncoder, prompt_encoder=sam),
            num_blocks=2,
            channels=16,
            window=4,
            num_heads=2,
            sam_channels=32,
            sam_heads=4,
            sam_mlp_dim=48,
        ),
        decoder=dict(type=TapUpsampler, channels=16, tap_channels=(8, 4), out_channels=(16, 16)),
        **shared,
    )


@pytest.fixture(params=KINDS)
def model(request):
    built = build_model(config(request.param)).eval()
    for name, parameter in built.named_parameters():
        if name.endswith(("readouts.0.weight", "padding_token", "padding_guidance")):
            torch.nn.init.normal_(parameter, std=0.3)  # zeros would hide what they do
    return built


def set_chunks(model, size):
    if isinstance(model, CatSeg):
        model.aggregator.chunk_size = model.decoder.chunk_size = size
    else:
        model.refiner.chunk_size = model.decoder.chunk_size = size
    model.class_chunk = size or len(model.vocabulary)


def test_chunks_of_classes_change_nothing(model):
    image = torch.randn(3, 70, 90)
    set_chunks(model, 0)
    whole, labels = model.class_probs(image, (70, 90)), model.label_map(image, (70, 90))[0]
    set_chunks(model, 3)
    torch.testing.assert_close(model.class_probs(image, (70, 90)), whole, atol=1e-5, rtol=0)
    assert (model.label_map(image, (70, 90))[0] != labels).float().mean() < 1e-3


def test_batches_of_views_change_nothing(model):
    images = torch.randn(5, 3, 64, 64)
    model.view_batch = 5
    together = model.predict_logits(images)
    assert together.shape == (5, len(NAMES), 32, 32)
    model.view_batch = 2
    torch.testing.assert_close(model.predict_logits(images), together, atol=1e-5, rtol=0)


def test_label_map_is_the_best_class_of_all(model):
    image = torch.randn(3, 70, 90)
    probs = model.class_probs(image, (35, 45))
    labels, scores = model.label_map(image, (35, 45))
    torch.testing.assert_close(scores, probs.amax(dim=0))
    assert torch.equal(probs.gather(0, labels[None])[0], scores)


def test_recomputing_changes_no_gradient(model):
    images, labels = torch.randn(2, 3, 64, 64), torch.randint(0, 7, (2, 64, 64))
    samples = [Sample(gt_sem_seg=row, ignore_index=255) for row in labels]
    gradients = []
    for checkpoints in (False, True):
        trained = copy.deepcopy(model).train()
        for module in trained.modules():
            if hasattr(module, "checkpoints"):
                module.checkpoints = checkpoints
        trained(images, samples, mode="loss")["loss_seg"].backward()
        gradients.append({n: p.grad for n, p in trained.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-4, msg=name)


def test_every_learnable_parameter_gets_a_gradient_but_those_that_nothing_reads(model):
    images, labels = torch.randn(1, 3, 64, 64), torch.randint(0, 7, (1, 64, 64))
    model.train()(images, [Sample(gt_sem_seg=labels[0])], mode="loss")["loss_seg"].backward()
    without = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
    unread = ("resblocks.5.attn.q_proj_weight", "final_attn_token_to_image")
    assert all(any(piece in name for piece in unread) for name in without), without


def test_published_arithmetic_gives_the_same_logits(model):
    images, texts = torch.randn(1, 3, 64, 64), model.text_features()
    with torch.no_grad():
        fast = model.class_logits(images, texts)
        changed = [module for module in model.modules() if hasattr(module, "is_fast")]
        for module in changed:
            module.is_fast = False
        torch.testing.assert_close(model.class_logits(images, texts), fast, atol=1e-5, rtol=1e-4)
    assert changed


def test_predict_fills_label_maps_of_the_original_size(model):
    samples = [Sample(ori_shape=(50, 61)), Sample(ori_shape=(33, 47))]
    inputs = [torch.randn(3, 70, 90), torch.randn(3, 64, 80)]
    model(inputs, samples, mode="predict")
    assert [tuple(s.pred_sem_seg.shape) for s in samples] == [(50, 61), (33, 47)]
    assert samples[0].pred_sem_seg.dtype == torch.int64
    assert 0 <= samples[0].pred_scores.min() <= samples[0].pred_scores.max() <= 1


def test_text_features_follow_vocabulary_and_weights(model):
    first = model.text_features()
    assert model.text_features() is first
    with torch.no_grad():
        model.backbone.text.ln_final.bias.add_(torch.linspace(0, 1, 64))
    assert not torch.equal(model.text_features(), first)
    model.vocabulary = Vocabulary.from_names(["a", "b"])
    assert model.text_features().shape == (2, 64)


def test_text_features_follow_the_steps_of_a_fused_optimiser(model):
    first = model.text_features()
    images, labels = torch.randn(1, 3, 64, 64), torch.randint(0, 7, (1, 64, 64))
    weights = [p for n, p in model.named_parameters() if "text" in n and p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=1e-2, fused=True)
    model.train()(images, [Sample(gt_sem_seg=labels[0])], mode="loss")["loss_seg"].backward()
    optimiser.step()
    assert not torch.allclose(model.eval().text_features(), first)


def test_order_of_classes_does_not_matter(model):
    images, texts = torch.randn(1, 3, 64, 64), model.text_features()
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    with torch.no_grad():
        logits = model.class_logits(images, texts)
        torch.testing.assert_close(
            model.class_logits(images, texts[order]), logits[:, order], atol=1e-5, rtol=1e-4
        )


def test_held_out_classes_take_no_part_in_training(model):
    names = tuple((name,) for name in NAMES)
    model.vocabulary = Vocabulary(name="v", classes=names, base=frozenset({1, 4}), novel=frozenset({2}))
    sample = Sample(gt_sem_seg=torch.tensor([[0, 1, 2], [4, 255, 6]]), ignore_index=255)
    found = model._train_labels(sample, torch.zeros(1, 3, 2, 3))
    assert found.tolist() == [[-1, 0, -1], [1, -1, -1]]
    assert model._train_names() == ["dog", "sky"]


def test_a_step_may_train_on_the_strongest_classes_and_those_that_are_there(model):
    model.vocabulary = Vocabulary.from_names(NAMES)
    images = torch.randn(2, 3, 64, 64)
    labels = torch.full((2, 64, 64), 255)
    labels[0, :8], labels[1, 8:] = 5, 2
    samples = [Sample(gt_sem_seg=label, ignore_index=255) for label in labels]
    with torch.no_grad():
        texts = model.text_features()
        strongest = set(model.strongest(images, texts, 1).tolist())
        kept = sorted(strongest | {5, 2})
        assert len(kept) < len(NAMES)
        place = {label: number for number, label in enumerate(kept)}
        targets = torch.stack([label.clone() for label in labels])
        targets[targets == 255] = -1
        for label in (5, 2):
            targets[labels == label] = place[label]
        expected = model.semantic_loss(model.class_logits(images, texts[kept]), targets)
        whole = model(images, samples, mode="loss")["loss_seg"]
        model.image_classes = 1
        found = model(images, samples, mode="loss")["loss_seg"]
        model.image_classes = len(NAMES)
        all_classes = model(images, samples, mode="loss")["loss_seg"]
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, whole)
    torch.testing.assert_close(all_classes, whole)


def test_at_test_each_view_answers_with_its_own_strongest_classes(model):
    model.vocabulary = Vocabulary.from_names(NAMES)
    model.eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        texts = model.text_features()
        every = model.predict_logits(images)
        model.image_classes = 2
        found = model.predict_logits(images)
        for image, logits in zip(images, found, strict=True):
            kept = model.strongest(image[None], texts, 2)
            assert kept.shape == (2,)
            torch.testing.assert_close(logits[kept], model.class_logits(image[None], texts[kept])[0])
            assert (logits[[label for label in range(len(NAMES)) if label not in kept]] == -100).all()
        model.view_batch = 1
        torch.testing.assert_close(found, model.predict_logits(images))
        model.image_classes = len(NAMES)
        torch.testing.assert_close(every, model.predict_logits(images))


def test_bad_labels_are_refused(model):
    images = torch.zeros(1, 3, 64, 64)
    with pytest.raises(ValueError, match="label 7"):
        model(images, [Sample(gt_sem_seg=torch.full((64, 64), 7))], mode="loss")
    with pytest.raises(ValueError, match=r"\(64, 64\).*\(64, 63\)"):
        model(images, [Sample(gt_sem_seg=torch.zeros(64, 63))], mode="loss")
    with pytest.raises(ValueError, match="mode"):
        model(images, [Sample()], mode="losses")


def test_more_classes_than_the_cap_keep_the_strongest():
    model = build_model({**config("catseg"), "max_classes": 4}).eval()
    with torch.no_grad():
        logits = model.class_logits(torch.randn(2, 3, 64, 64), model.text_features())
    assert ((logits == -100).all(dim=(2, 3)).sum(dim=1) == 3).all()


def test_without_sam_no_prompts_are_made():
    changed = config("escnet")
    changed["refiner"]["prompts"] = None
    model = build_model(changed).eval()
    assert not [name for name, _ in model.named_parameters() if "sam_block" in name]
    assert model.predict_logits(torch.randn(1, 3, 64, 64)).shape == (1, 7, 32, 32)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_runs(kind):
    model = build_model(config(kind)).train()
    samples = [Sample(gt_sem_seg=torch.randint(0, 7, (64, 64)))]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(torch.randn(1, 3, 64, 64), samples, mode="loss")["loss_seg"]
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.text_features().dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
def test_counts_without_computing(kind):
    with torch.device("meta"):
        model = build_model(config(kind)).eval()
    assert model.forward_complexity(11, 3).shape == (3, 11, 32, 32)


def test_pseudo_prompts_are_those_of_the_last_block():
    model = build_model(config("escnet")).eval()
    image = torch.randn(3, 70, 90)
    prompts, similarity = model.pseudo_prompts(image, 4)
    assert prompts.masks.shape == (1, 3, 8, 8)
    assert similarity.shape == (8, 8)
    strongest = similarity == similarity.max()
    assert (prompts.masks[0].any(dim=0) & strongest).any()
    torch.nn.init.normal_(model.refiner.readouts[0].weight)  # what the first block found is read now
    assert not torch.equal(model.pseudo_prompts(image, 4)[1], similarity)


def test_pseudo_prompts_are_made_among_the_classes_that_are_computed():
    model = build_model(config("escnet")).eval()
    torch.nn.init.normal_(model.refiner.readouts[0].weight)
    image = torch.randn(3, 64, 64)
    model.image_classes = 2
    with torch.no_grad():
        texts = model.text_features()
        kept = model.strongest(image[None], texts, 2).tolist()
        other = next(label for label in range(len(texts)) if label not in kept)
        features = model.backbone(image[None]).map
        for label in (kept[1], other):
            asked = [label, *(strong for strong in kept if strong != label)]
            correlation = correlate(features, texts[asked])
            expected = model.refiner.refine(correlation, features, texts[asked])[1][-1][0, 0]
            torch.testing.assert_close(model.pseudo_prompts(image, label)[1], expected)


def test_model_without_sam_blocks_asks_nothing():
    settings = config("escnet")
    settings["refiner"]["prompts"] = None
    assert build_model(settings).pseudo_prompts(torch.randn(3, 64, 64), 0) is None


def test_sam_without_a_quality_token_has_none_here():
    settings = config("escnet")
    settings["refiner"].update(sam_quality_tokens=0, sam_mask_tokens=1)
    block = build_model(settings).refiner.blocks[0].sam_block
    assert block.iou_token is None
    assert block.mask_tokens.weight.shape == (1, 32)
    settings["refiner"].update(sam_quality_tokens=2)
    with pytest.raises(ValueError, match="0 or 1 quality tokens, got 2"):
        build_model(settings)
