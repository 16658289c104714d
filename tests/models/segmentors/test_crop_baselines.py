"""Crop baselines: SAM's mask, CLIP's label of the crop."""

import pytest
import torch

from ovsam.models.segmentors.clip_regions import FeatureCrop, ImageCrop

CROPS = (dict(type=ImageCrop), dict(type=FeatureCrop), dict(type=FeatureCrop, clip_normalisation=True))


@pytest.mark.parametrize("vectors", CROPS)
def test_prediction_has_masks_and_evaluated_labels(make, batch, vectors):
    predicted = make("crop", vectors=vectors).eval()(*batch, mode="predict")
    for sample in predicted:
        assert set(sample.pred_instances.labels.tolist()) <= {0, 1, 3, 4}
        assert len(sample.pred_instances.scores) == len(sample.prompts)


def test_image_crop_of_the_whole_image_is_clip_on_the_image(make, batch):
    images, samples = batch
    model = make("crop", vectors=dict(type=ImageCrop)).eval()
    samples[1].prompts = type(samples[1].prompts).from_boxes(torch.tensor([[0.0, 0, 40, 64]]), "resized")
    raw = model(images[1:], [samples[1]], mode="tensor")
    pixels = images[1:, :, :64, :40]  # the miniature's crops have the normalisation of whole images
    side = model.backbone.crop_size
    resized = torch.nn.functional.interpolate(pixels, (side, side), mode="bicubic", antialias=True)
    low = (0 - model.data_preprocessor.mean) / model.data_preprocessor.std
    high = (255 - model.data_preprocessor.mean) / model.data_preprocessor.std
    vectors = model.backbone.embed_crops(resized.clamp(low, high))
    torch.testing.assert_close(raw.clip_logits, model.classifier(vectors), rtol=1e-3, atol=1e-2)


def test_options_of_the_image_crop_change_the_vector(make, batch):
    images, samples = batch
    base = make("crop", vectors=dict(type=ImageCrop)).eval()(images, samples, mode="tensor").clip_logits
    for options in (
        {"box": "mask"},
        {"margin": 0.3},
        {"background": "blank"},
        {"aspect": "pad"},
        {"aspect": "context"},
    ):
        model = make("crop", vectors=dict(type=ImageCrop, **options)).eval()
        assert not torch.allclose(model(images, samples, mode="tensor").clip_logits, base), options


def test_feature_crop_is_clips_head_on_the_prompts_box(make, batch):
    images, samples = batch
    model = make("crop", vectors=dict(type=FeatureCrop)).eval()
    raw = model(images, samples, mode="tensor")
    box = samples[1].prompts.boxes()[:1]
    vector = model.backbone.embed_regions(
        model.backbone(images), box, raw.mask_logits[3:4], torch.tensor([1])
    )
    torch.testing.assert_close(raw.clip_logits[3:4], model.classifier(vector), rtol=1e-4, atol=1e-3)


def test_own_normalisation_is_no_change_where_both_are_the_same(make, batch):
    shared, own = (make("crop", vectors=v).eval()(*batch, mode="tensor").clip_logits for v in CROPS[1:])
    torch.testing.assert_close(shared, own, rtol=1e-3, atol=1e-2)


def test_there_is_nothing_to_train(make, batch):
    model = make("crop", vectors=dict(type=ImageCrop))
    assert not any(p.requires_grad for p in model.parameters())
    with pytest.raises(TypeError, match="nothing to train"):
        model(*batch, mode="loss")
