"""Baselines with adapters: what trains, and where they start."""

import copy

import pytest
import torch

from ovsam.models.adapters.clip_adapter import ClipConvAdapter
from ovsam.models.adapters.region_residual import RegionResidual
from ovsam.models.adapters.sam_adapter import SamConvAdapter
from ovsam.models.segmentors.clip_regions import FeatureCrop, ImageCrop
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.context import ContextClassifier
from ovsam.structures.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    name="six",
    classes=tuple((f"class {i}",) for i in range(6)),
    base=frozenset({0, 1}),
    novel=frozenset({3, 4}),
)
CONTEXT = dict(
    type=ContextClassifier,
    vocabulary=VOCABULARY,
    text_encoder=dict(type=ClipTextEncoder, architecture="shapes-rn"),
    num_tokens=3,
)
ALONG_CLIP = {"clip_adapter": dict(type=ClipConvAdapter, widths=(4, 5, 6, 7))}
ALONG_SAM = {
    "sam_adapter": dict(type=SamConvAdapter, stride=8, after=(0,), width=5, stem_width=4),
    "region_residual": dict(type=RegionResidual, roi_size=3),
}
FEATURES, CROPS = dict(type=FeatureCrop), dict(type=ImageCrop)
#: Parts given -> top-level parts that train.
ROWS = [
    ({"vectors": FEATURES, "classifier": CONTEXT}, {"mask_decoder", "classifier"}),
    ({"vectors": CROPS, "classifier": CONTEXT}, {"mask_decoder", "classifier"}),
    ({"vectors": FEATURES, **ALONG_CLIP}, {"mask_decoder", "clip_adapter"}),
    ({"vectors": FEATURES, **ALONG_SAM}, {"mask_decoder", "sam_adapter", "region_residual"}),
]


@pytest.mark.parametrize(("parts", "expected"), ROWS)
def test_a_step_reaches_what_is_tuned_and_nothing_else(make, batch, parts, expected):
    model = make("tuned", **parts).train()
    losses = model(*batch, mode="loss")
    assert set(losses) == {"loss_mask", "loss_dice", "loss_cls"}
    sum(losses.values()).backward()
    touched = {n.partition(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert touched == expected
    assert not any(p.requires_grad for p in model.backbone.parameters())
    named = dict(model.named_parameters())
    assert [n for n in named if n.startswith("classifier") and named[n].requires_grad] == (
        ["classifier.context.vectors"] if "classifier" in expected else []
    )


@pytest.mark.parametrize("parts", [ALONG_CLIP, ALONG_SAM])
def test_convolutions_start_as_the_plain_baseline(make, batch, parts):
    plain = make("crop", vectors=FEATURES).eval()
    tuned = make("tuned", vectors=FEATURES, **parts).eval()
    missing, unexpected = tuned.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert {name.partition(".")[0] for name in missing} == set(parts)
    first, second = (model(*copy.deepcopy(batch), mode="tensor") for model in (plain, tuned))
    torch.testing.assert_close(first.mask_logits, second.mask_logits)
    torch.testing.assert_close(first.clip_logits, second.clip_logits)


def test_regions_of_training_are_the_true_boxes(make, batch):
    model = make("tuned", vectors=FEATURES, **ALONG_CLIP)
    images, samples = batch
    seen = []
    model.vectors = FeatureCrop()
    original = model.backbone.embed_regions
    model.backbone.embed_regions = lambda maps, boxes, *rest: (
        seen.append(boxes) or original(maps, boxes, *rest)
    )
    model(images, samples, mode="loss")
    torch.testing.assert_close(
        torch.cat(seen), torch.cat([sample.gt_instances.bboxes for sample in samples])
    )


def test_many_regions_are_read_in_parts_of_the_same_result(make, batch, monkeypatch):
    model = make("tuned", vectors=FEATURES, **ALONG_CLIP).eval()
    whole = model(*batch, mode="tensor").clip_logits
    monkeypatch.setattr("ovsam.models.segmentors.clip_regions.REGIONS_AT_ONCE", 2)
    torch.testing.assert_close(model(*batch, mode="tensor").clip_logits, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("vectors", [CROPS, dict(type=FeatureCrop, clip_normalisation=True)])
def test_an_adapter_that_nothing_would_read_is_refused(make, vectors):
    with pytest.raises(ValueError, match="does not read"):
        make("tuned", vectors=vectors, **ALONG_CLIP)


def test_base_names_only_need_base_labels(make, batch):
    model = make("tuned", vectors=FEATURES, train_vocabulary="base", **ALONG_CLIP)
    batch[1][0].gt_instances.labels[0] = 3
    with pytest.raises(ValueError, match="keep base"):
        model(*batch, mode="loss")
