import numpy as np
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image
from torch import nn

from ovsam.interfaces import ImageEncoder, RegionEncoder
from ovsam.models.backbones import clip_specs
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.clip_specs import CLIP_SPECS, ClipSpec, ConvNextTower, ResNetTower, VitTower

TEXT = CLIP_SPECS["shapes-rn"].text
SMALL = {
    "resnet": ClipSpec(vision=ResNetTower((1, 2, 1, 1), 8), text=TEXT, embed_dim=12, crop_size=96),
    "convnext": ClipSpec(
        vision=ConvNextTower("convnext_atto", (40, 80, 160, 320)), text=TEXT, embed_dim=12, crop_size=96
    ),
    "vit": ClipSpec(vision=VitTower(2, 64, 14), text=TEXT, embed_dim=12, crop_size=70),
}


@pytest.fixture(params=sorted(SMALL))
def encoder(request, monkeypatch):
    monkeypatch.setitem(clip_specs.CLIP_SPECS, request.param, SMALL[request.param])
    encoder = ClipImageEncoder(architecture=request.param).eval()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):  # so that a signal passes an untrained ResNet
            nn.init.ones_(module.weight)
            module.running_var.fill_(0.1)
    return encoder


def regions_of(encoder, images, boxes, image_index):
    """Regions given by boxes; the mask of a region is its box on a grid of stride 4."""
    height, width = images.shape[2] // 4, images.shape[3] // 4
    y, x = torch.arange(height)[:, None] * 4 + 2, torch.arange(width) * 4 + 2
    inside = [
        (x >= x0) & (x < x1) & (y >= y0) & (y < y1) for x0, y0, x1, y1 in boxes.tolist()
    ]  # n x (h, w)
    masks = torch.stack(inside).float() * 2 - 1
    return encoder.embed_regions(encoder(images), boxes, masks, image_index)


@torch.no_grad()
def test_maps_have_the_announced_channels_and_strides(encoder):
    assert isinstance(encoder, ImageEncoder)
    assert isinstance(encoder, RegionEncoder)
    maps = encoder(torch.randn(2, 3, 64, 160))
    assert [tuple(m.shape) for m in maps] == [
        (2, channels, 64 // stride, 160 // stride)
        for channels, stride in zip(encoder.out_channels, encoder.strides, strict=True)
    ]


@torch.no_grad()
def test_region_that_is_the_whole_image_equals_the_crop(encoder):
    size = encoder.crop_size
    images = torch.randn(2, 3, size, size)
    boxes = torch.tensor([[0.0, 0.0, size, size]]).repeat(2, 1)
    regions = regions_of(encoder, images, boxes, torch.tensor([1, 0]))
    assert (regions[0] - regions[1]).abs().max() > 1e-3
    crops = encoder.embed_crops(images)
    assert regions.shape == (2, encoder.embed_dim)
    if encoder.architecture == "vit":  # reads its class token in crops, the mean of its tokens here
        assert torch.isfinite(regions).all()
    else:
        torch.testing.assert_close(regions, crops.flip(0), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_regions_read_their_own_image_and_place(encoder):
    images = torch.randn(2, 3, 64, 160)
    boxes = torch.tensor([[0.0, 0, 64, 64], [96.0, 0, 160, 64], [0.0, 0, 64, 64]])
    vectors = regions_of(encoder, images, boxes, torch.tensor([0, 0, 1]))
    assert (vectors[0] - vectors[1]).abs().max() > 1e-3
    assert (vectors[0] - vectors[2]).abs().max() > 1e-3
    alone = regions_of(encoder, images[1:], boxes[2:], torch.tensor([0]))
    torch.testing.assert_close(vectors[2:], alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_no_regions_give_no_vectors(encoder):
    maps = encoder(torch.randn(1, 3, 64, 96))
    none = torch.zeros(0, dtype=torch.int64)
    vectors = encoder.embed_regions(maps, torch.zeros(0, 4), torch.zeros(0, 16, 24), none)
    assert vectors.shape == (0, encoder.embed_dim)


@torch.no_grad()
def test_crops_of_another_size_are_refused(encoder):
    with pytest.raises(ValueError, match=str(encoder.crop_size)):
        encoder.embed_crops(torch.zeros(1, 3, 32, encoder.crop_size))


@torch.no_grad()
def test_mask_pooling_is_the_mean_over_positive_cells(monkeypatch):
    monkeypatch.setitem(clip_specs.CLIP_SPECS, "convnext", SMALL["convnext"])
    encoder = ClipImageEncoder(architecture="convnext").eval()
    last = torch.randn(1, 320, 2, 3)
    logits = torch.full((2, 2, 3), -1.0)
    logits[0, 0, 2] = logits[0, 1, 0] = 0.5  # the second mask is empty
    index = torch.zeros(2, dtype=torch.int64)
    vectors = encoder.embed_regions([last], torch.zeros(2, 4), logits, index)
    means = torch.stack([(last[0, :, 0, 2] + last[0, :, 1, 0]) / 2, torch.zeros(320)])
    expected = encoder.visual.head(encoder.visual.trunk.head(means[:, :, None, None]))
    torch.testing.assert_close(vectors, expected)


@torch.no_grad()
def test_vit_at_its_own_size_equals_open_clips_tokens(monkeypatch):
    monkeypatch.setitem(clip_specs.CLIP_SPECS, "vit", SMALL["vit"])
    encoder = ClipImageEncoder(architecture="vit").eval()
    images = torch.randn(2, 3, 70, 70)
    expected = encoder.visual.forward_intermediates(images, indices=1)["image_intermediates"][-1]
    torch.testing.assert_close(encoder(images)[0], expected)


@torch.no_grad()
def test_boxes_of_regions_are_never_rounded_to_half_precision(monkeypatch):
    """In bf16 1,003 px is 1,004 px: the region would be another one."""
    monkeypatch.setitem(clip_specs.CLIP_SPECS, "resnet", SMALL["resnet"])
    encoder = ClipImageEncoder(architecture="resnet").eval()
    last_map = torch.randn(1, 256, 32, 32).bfloat16()
    seen = []
    encoder.visual.attnpool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    boxes = torch.tensor([[517.0, 901.0, 603.0, 1003.0]])
    masks, index = torch.ones(1, 8, 8), torch.zeros(1, dtype=torch.int64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoder.embed_regions([last_map], boxes, masks, index)
    encoder.embed_regions([last_map.float()], boxes, masks, index)
    encoder.embed_regions([last_map.float()], boxes.bfloat16(), masks, index)
    assert torch.equal(seen[0], seen[1].bfloat16())  # only the result is rounded
    assert not torch.equal(seen[2], seen[1])  # the case that is guarded against


@torch.no_grad()
def test_preprocessing_is_clips_own(shared, monkeypatch):
    """A photograph and the tensor that OpenAI's own pipeline made of it."""
    folder = shared / "data" / "clip_preprocess_golden"
    with torch.device("meta"):
        encoder = ClipImageEncoder(architecture="ViT-B-16")
    mean, std = ([value / 255 for value in values] for values in (encoder.crop_mean, encoder.crop_std))
    prepare = image_transform(encoder.crop_size, is_train=False, mean=mean, std=std)
    with Image.open(folder / "franz-kafka.jpg") as photograph:
        found = prepare(photograph)
    expected = torch.from_numpy(np.load(folder / "expected_preprocessed_image.npy"))[0]
    assert found.shape == expected.shape == (3, 224, 224)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_full_size_builds_on_the_meta_device():
    with torch.device("meta"):
        encoder = ClipImageEncoder(architecture="RN50x16")
    assert sum(p.numel() for p in encoder.parameters()) == 167_328_912
    assert encoder.out_channels == (384, 768, 1536, 3072)
