"""Open-Vocabulary SAM in prediction: what is answered, and that batching changes nothing."""

import copy

import pytest
import torch
from mmengine.structures import InstanceData

from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.decoders.label_fusion import ClipLabelFusion
from ovsam.models.segmentors import base
from ovsam.models.segmentors.class_scores import classify
from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop, ImageCrop
from ovsam.ops.roi import boxes_of_masks

CLASS_TOKEN = dict(type=Clip2SamDecoder, num_heads=2, mlp_dim=24, label_classifies=True)
LABEL_VARIANTS = {
    "class token": dict(mask_decoder=CLASS_TOKEN, pyramid=None, region_head=None),
    "class token and CLIP": dict(
        mask_decoder=CLASS_TOKEN,
        pyramid=None,
        region_head=None,
        label_fusion=dict(type=ClipLabelFusion),
    ),
}


def test_prediction_has_masks_of_the_original_size_labels_and_scores(make, batch):
    model = make("ovsam").eval()
    images, samples = batch
    predicted = model(images, samples, mode="predict")
    for sample, count in zip(predicted, (3, 2), strict=True):
        found = sample.pred_instances
        assert found.masks.shape == (count, *sample.ori_shape)
        assert found.masks.dtype == torch.bool
        assert set(found.labels.tolist()) <= {0, 1, 3, 4}  # base and novel only
        assert ((found.scores > 0) & (found.scores <= 1)).all()


def test_images_one_by_one_equal_the_batch_and_chunks_equal_the_whole(make, batch):
    model = make("ovsam").eval()
    images, samples = batch
    whole = model(images, samples, mode="tensor")
    single = [model(images[i : i + 1], [samples[i]], mode="tensor") for i in range(2)]
    model.chunk_size = 1
    chunked = model(images, samples, mode="tensor")
    for name in ("mask_logits", "class_logits", "head_logits", "clip_logits"):
        expected = getattr(whole, name)
        close = {"rtol": 1e-4, "atol": 1e-4}
        torch.testing.assert_close(torch.cat([getattr(s, name) for s in single]), expected, **close)
        torch.testing.assert_close(getattr(chunked, name), expected, **close)


def test_a_gpu_is_asked_for_its_memory_only_where_there_are_many_prompts(make, batch, monkeypatch):
    model = make("ovsam").eval()
    features = model.encode(batch[0])
    asked = []

    def fitting(bytes_each, device, smallest, largest):
        asked.append((bytes_each, device, smallest, largest))
        return 256

    monkeypatch.setattr(base, "fitting", fitting)
    assert model.prompts_at_once(features, 64) == 64
    assert not asked
    assert model.prompts_at_once(features, 65) == 256
    map_bytes = 4 * features.embeddings[0].numel()
    assert asked == [(10 * map_bytes, torch.device("cpu"), 64, 1024)]
    model.chunk_size = 3
    assert model.prompts_at_once(features, 65) == 3
    decoded = []
    model.mask_decoder.register_forward_hook(lambda *call: decoded.append(len(call[1][2])))
    monkeypatch.setattr(model, "prompts_at_once", lambda features, num: 1)
    model.predict_masks(features, batch[1])
    assert set(decoded) == {1}
    assert len(decoded) > 1


@pytest.mark.parametrize("variant", LABEL_VARIANTS)
def test_class_token_trains_and_names_in_place_of_the_region_head(make, batch, variant):
    images, samples = batch
    model = make("ovsam", **LABEL_VARIANTS[variant]).train()
    losses = model(images, samples, mode="loss")
    assert set(losses) == {"loss_mask", "loss_dice", "loss_cls"}
    losses["loss_cls"].backward()
    trained = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert "mask_decoder.label_token.weight" in trained
    assert "mask_decoder.label_mlp.layers.2.weight" in trained
    with_clip = variant != "class token"
    assert any(name.startswith("label_fusion.") for name in trained) is with_clip
    assert not any(name.startswith(("backbone.", "neck.", "prompt_encoder.")) for name in trained)

    model.eval()
    raw = model(images, samples, mode="tensor")
    prompts = model.batch_prompts(samples, images.device)
    maps = model.backbone(images)
    vectors = model.decode(model.neck(maps), prompts, None).label_vectors
    if with_clip:
        boxes = boxes_of_masks(raw.mask_logits > 0, 64 / raw.mask_logits.shape[-1])
        clip = model.backbone.embed_regions(maps, boxes, raw.mask_logits, prompts.image_index)
        vectors = model.label_fusion(vectors, clip)
    torch.testing.assert_close(raw.head_logits, model.classifier(vectors), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("variant", LABEL_VARIANTS)
def test_class_token_is_the_same_alone_in_a_batch_and_in_chunks(make, batch, variant):
    images, samples = batch
    model = make("ovsam", **LABEL_VARIANTS[variant]).eval()
    whole = model(images, samples, mode="tensor").class_logits
    alone = [model(images[i : i + 1], [samples[i]], mode="tensor").class_logits for i in range(2)]
    model.chunk_size = 1
    torch.testing.assert_close(torch.cat(alone), whole, rtol=1e-4, atol=1e-3)
    chunked = model(images, samples, mode="tensor").class_logits
    torch.testing.assert_close(chunked, whole, rtol=1e-4, atol=1e-3)


def test_half_precision_keeps_class_scores_and_masks_in_float32(make, batch):
    images, samples = batch
    model = make("ovsam").eval()
    full = model(images, samples, mode="tensor")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(images, samples, mode="tensor")
    for name in ("mask_logits", "class_logits", "head_logits", "clip_logits"):
        assert getattr(half, name).dtype == torch.float32
    assert (half.head_logits - full.head_logits).abs().max() < 2  # the vectors are rounded to 8 bits
    # Of these vectors the logits are exact: a cosine in bf16 would be off by more than 0.01.
    vectors = torch.randn(3, 64)
    expected = model.classifier(vectors)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(classify(model.classifier, vectors), expected)
        assert (model.classifier(vectors) - expected).abs().max() > 0.01


def test_prompts_of_different_length_keep_their_rows(make, make_sample, batch):
    model = make("ovsam").eval()
    images, _ = batch
    box_then_point = make_sample(0, [[4, 6, 30, 40]], [[33, 20]])
    raw = model(images[:1], [box_then_point], mode="tensor")
    only_box = model(images[:1], [make_sample(0, [[4, 6, 30, 40]])], mode="tensor")
    only_point = model(images[:1], [make_sample(0, [], [[33, 20]])], mode="tensor")
    torch.testing.assert_close(raw.mask_logits[0], only_box.mask_logits[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(raw.mask_logits[1], only_point.mask_logits[0], rtol=1e-4, atol=1e-5)


def test_image_without_prompts_is_fine_alone_and_beside_others(make, make_sample, batch):
    model = make("ovsam")
    images, samples = batch
    empty = make_sample(7, [])
    beside = model.eval()(images, [empty, samples[1]], mode="predict")
    assert [len(s.pred_instances.masks) for s in beside] == [0, 2]
    alone = model(images[:1], [make_sample(7, [])], mode="predict")[0].pred_instances
    assert alone.masks.shape == (0, 75, 100)
    assert alone.labels.shape == (0,)
    losses = model.train()(images[:1], [make_sample(7, [])], mode="loss")
    assert all(value == 0 for value in losses.values())
    sum(losses.values()).backward()
    assert model.region_head.projection.weight.grad is not None


def test_kinds_of_prompts_are_answered_as_alone_on_images_encoded_once(make, make_sample, batch):
    model = make("ovsam").eval()
    images, _ = batch
    by_kind = {
        "box": [make_sample(0, [[4, 6, 30, 40], [1, 2, 50, 30]]), make_sample(1, [])],
        "center_point": [make_sample(0, [], [[33, 20]]), make_sample(1, [], [[9, 8], [20, 30]])],
    }
    alone = {
        kind: [s.pred_instances for s in model(images, [s.clone() for s in samples], mode="predict")]
        for kind, samples in by_kind.items()
    }
    encoded = []
    model.backbone.register_forward_hook(lambda *_: encoded.append(1))
    found = model(images, by_kind, mode="predict")
    assert len(encoded) == 1
    for kind, expected in alone.items():
        for sample, instances in zip(found[kind], expected, strict=True):
            for name in ("masks", "labels", "scores"):
                assert torch.equal(sample.pred_instances[name], instances[name])
    model.max_prompts = 1
    with pytest.raises(ValueError, match="2 prompts, more than max_prompts=1"):
        model(images, by_kind, mode="predict")


def test_too_many_prompts_are_refused(make, batch):
    model = make("ovsam", max_prompts=2)
    with pytest.raises(ValueError, match="3 prompts, more than max_prompts=2"):
        model(*batch, mode="predict")
    # The count of a record is of 10 prompts, whatever a user allows.
    assert len(model.forward_complexity(10).mask_logits) == 10


def test_head_reads_the_box_that_roi_box_names(make, batch):
    images, samples = batch
    model = make("ovsam").eval()
    by_mask = model(images, samples, mode="tensor")
    model.roi_box = "prompt"
    by_prompt = model(images, samples, mode="tensor")
    is_box = torch.tensor([True, True, False, True, False])
    same = torch.isclose(by_mask.head_logits, by_prompt.head_logits, atol=1e-4).all(dim=1)
    assert not same[is_box].any()
    assert same[~is_box].all()  # a click has no box: the mask's is read
    torch.testing.assert_close(by_mask.clip_logits, by_prompt.clip_logits)


def test_head_alone_and_clip_alone(make, batch):
    images, samples = batch
    fused = make("ovsam").eval()(images, samples, mode="tensor")
    head = make("ovsam", fusion=None).eval()(images, samples, mode="tensor")
    clip = make("ovsam", pyramid=None, region_head=None).eval()(images, samples, mode="tensor")
    assert head.clip_logits is None
    assert clip.head_logits is None
    evaluated = [0, 1, 3, 4]
    torch.testing.assert_close(
        head.class_logits[:, evaluated], fused.head_logits.log_softmax(1)[:, evaluated]
    )
    expected = clip.clip_logits.log_softmax(1)[:, evaluated]
    torch.testing.assert_close(clip.class_logits[:, evaluated], expected)
    assert (head.class_logits[:, [2, 5]] == -1000).all()


def test_fusion_mixes_by_group(make, batch):
    raw = make("ovsam").eval()(*batch, mode="tensor")
    weights = torch.tensor([0.1, 0.1, 0.0, 0.9, 0.9, 0.0, 0.1])
    expected = (1 - weights) * raw.head_logits.log_softmax(1) + weights * raw.clip_logits.log_softmax(1)
    kept = [0, 1, 3, 4, 6]
    has_mask = (
        (torch.nn.functional.interpolate(raw.mask_logits[:, None], (2, 2), mode="bilinear") > 0)
        .flatten(1)
        .any(dim=1)
    )
    assert has_mask.any()
    torch.testing.assert_close(raw.class_logits[has_mask][:, kept], expected[has_mask][:, kept])


def test_mask_that_is_empty_on_the_coarse_grid_gets_no_clip_share(make, batch):
    fusion = ClipFusion(vectors=FeatureCrop())
    mask_logits = torch.full((2, 16, 16), -1.0)
    mask_logits[0, 2:10, 2:10] = 1  # covers the middle (3.5, 3.5) of the first coarse cell
    regions = type(
        "Regions", (), {"mask_logits": mask_logits, "feature_maps": [torch.zeros(1, 1, 2, 2)]}
    )
    base, novel = torch.tensor([1, 0, 0, 0]).bool(), torch.tensor([0, 0, 1, 0]).bool()
    weights = fusion.clip_weights(base, novel, regions)
    torch.testing.assert_close(weights[0], torch.tensor([0.1, 0.0, 0.9, 0.1]))
    assert weights[1].tolist() == [0, 0, 0, 0]
    always = ClipFusion(vectors=FeatureCrop(), skips_empty_masks=False)
    torch.testing.assert_close(always.clip_weights(base, novel, regions)[1], weights[0])


def test_image_crop_fusion_differs_from_feature_crop_in_the_clip_branch_only(make, batch):
    feature = make("ovsam").eval()(*batch, mode="tensor")
    image = make("ovsam", fusion=dict(type=ClipFusion, vectors=dict(type=ImageCrop))).eval()(
        *batch, mode="tensor"
    )
    torch.testing.assert_close(feature.head_logits, image.head_logits)
    assert not torch.allclose(feature.clip_logits, image.clip_logits)


def test_reference_point_box_reads_unscaled_ground_truth_for_clicks_only(make, batch):
    images, samples = batch
    model = make("ovsam").eval()
    ours = model(images, samples, mode="tensor")
    model.reference_point_box = True
    theirs = model(images, samples, mode="tensor")
    same = torch.isclose(ours.clip_logits, theirs.clip_logits, atol=1e-4).all(dim=1)
    assert same.tolist() == [True, True, False, True, False]
    # The same as a box prompt of the ground truth's original pixels.
    boxes = samples[0].gt_instances.bboxes[2:] / 0.64
    vectors = model.backbone.embed_regions(
        model.backbone(images), boxes, theirs.mask_logits[2:3], torch.tensor([0])
    )
    torch.testing.assert_close(model.classifier(vectors)[0], theirs.clip_logits[2], rtol=1e-4, atol=1e-3)
    del samples[0].gt_instances
    with pytest.raises(ValueError, match="reads ground truth"):
        model(images, samples, mode="tensor")


def test_prediction_reads_no_ground_truth(make, batch):
    images, samples = batch
    model = make("ovsam").eval()
    expected = model(images, copy.deepcopy(samples), mode="tensor").class_logits
    for sample in samples:
        del sample.gt_instances
    torch.testing.assert_close(model(images, samples, mode="tensor").class_logits, expected)


def test_boxes_of_a_detector_have_constrained_answers_and_need_no_ground_truth(make, make_sample, batch):
    images, _ = batch
    samples = [make_sample(0, [[4, 6, 30, 40], [20, 10, 60, 44]]), make_sample(1, [[2, 3, 38, 50]])]
    model = make("ovsam", reference_point_box=True).eval()
    plain = [item.pred_instances for item in model.predict(images, samples)]
    log_scores = model.predict_raw(images, samples).class_logits
    for sample in samples:
        sample.detections = InstanceData(scores=torch.ones(len(sample.prompts)))
        del sample.gt_instances
    found = [item.pred_instances for item in model.predict(images, samples)]
    assert not hasattr(plain[0], "base_labels")
    assert torch.equal(torch.cat([f.labels for f in found]), torch.cat([p.labels for p in plain]))
    for name, group in (("base_labels", [0, 1]), ("novel_labels", [3, 4])):
        expected = torch.tensor(group)[log_scores[:, group].argmax(dim=1)]
        assert torch.equal(torch.cat([f[name] for f in found]), expected)
    assert (torch.cat([f.base_labels for f in found]) != torch.cat([f.labels for f in found])).any() or (
        torch.cat([f.novel_labels for f in found]) != torch.cat([f.labels for f in found])
    ).any()


def test_without_classifier_there_are_only_masks(make, batch):
    model = make("ovsam", pyramid=None, region_head=None, classifier=None, fusion=None).eval()
    predicted = model(*batch, mode="predict")
    assert set(predicted[0].pred_instances.keys()) == {"masks"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"region_head": None}, "come together"),
        ({"pyramid": None, "region_head": None, "fusion": None}, "a classifier needs a region_head, a"),
        ({"mask_decoder": CLASS_TOKEN}, "not both"),
        ({"label_fusion": dict(type=ClipLabelFusion)}, "label_classifies=True"),
        ({"classifier": None, "fusion": None}, "needs a classifier"),
        ({"roi_box": "boxes"}, "roi_box must be"),
        ({"train_vocabulary": "novel"}, "train_vocabulary must be"),
        ({"max_prompts": 0}, "max_prompts and chunk_size must be 1 or more, got 0 and None"),
        ({"chunk_size": 0}, "must be 1 or more, got 5000 and 0"),
    ],
)
def test_impossible_combinations_are_refused(make, overrides, message):
    with pytest.raises(ValueError, match=message):
        make("ovsam", **overrides)


def test_wrong_mode_and_missing_samples_are_refused(make, batch):
    model = make("ovsam")
    with pytest.raises(ValueError, match="mode must be"):
        model(*batch, mode="train")
    with pytest.raises(ValueError, match="needs data_samples"):
        model(batch[0])


def test_image_crop_has_whole_image_for_an_empty_mask_without_box(make):
    vectors = ImageCrop(box="mask")
    regions = type(
        "Regions",
        (),
        {"boxes": lambda self, kind: torch.zeros(1, 4), "prompt_boxes": torch.tensor([[1.0, 2, 3, 4]])},
    )()
    assert vectors._boxes(regions).tolist() == [[1, 2, 3, 4]]
