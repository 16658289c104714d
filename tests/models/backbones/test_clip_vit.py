import pytest
import torch
from open_clip.modified_resnet import ModifiedResNet

from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.clip_specs import SHAPES_RESNET, clip_spec
from ovsam.models.backbones.clip_vit import ResNetStem, build_vit


def test_released_towers_keep_the_one_convolution_of_their_weights():
    with torch.device("meta"):
        visual = build_vit(clip_spec("ViT-B-16"))
    assert tuple(visual.conv1.weight.shape) == (768, 3, 16, 16)


def test_a_stem_reads_the_maps_of_the_resnet_whose_weights_it_has():
    encoder = ClipImageEncoder(architecture="shapes-rn").eval().requires_grad_(False)
    for norm in encoder.visual.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    stem = ResNetStem(SHAPES_RESNET, 32, stride=16).train()
    own = stem.trunk.state_dict()
    stem.trunk.load_state_dict({n: t for n, t in encoder.visual.state_dict().items() if n in own})
    images = torch.randn(2, 3, 64, 96)
    cells = encoder(images)[2].permute(0, 2, 3, 1)  # of stride 16
    expected = stem.projection(stem.norm(cells)).permute(0, 3, 1, 2)
    assert expected.shape == (2, 32, 4, 6)
    torch.testing.assert_close(stem(images), expected)
    stem.is_fast = False
    torch.testing.assert_close(stem(images), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("stride", "last"), [(4, "layer1"), (8, "layer2"), (16, "layer3")])
def test_a_stem_has_no_stage_beyond_its_stride(stride, last):
    stem = ResNetStem(SHAPES_RESNET, 8, stride=stride)
    assert [name for name, _ in stem.trunk.named_children()][-1] == last
    assert stem(torch.randn(1, 3, 32, 32)).shape == (1, 8, 32 // stride, 32 // stride)


def test_norms_of_a_stem_keep_their_statistics_in_training():
    visual = build_vit(clip_spec("shapes-vit-dense")).train()
    before = visual.conv1.trunk.bn1.running_mean.clone()
    visual.conv1(torch.randn(2, 3, 32, 32) + 3).sum().backward()
    assert torch.equal(visual.conv1.trunk.bn1.running_mean, before)
    assert isinstance(visual.conv1.trunk, ModifiedResNet)
    assert visual.conv1.trunk.conv1.weight.grad is None
    assert visual.conv1.projection.weight.grad is not None


def test_a_stride_that_no_stage_has_is_refused():
    with pytest.raises(ValueError, match=r"stride must be one of \(4, 8, 16, 32\)"):
        ResNetStem(SHAPES_RESNET, 8, stride=6)


def test_clip_without_vit_is_refused():
    with pytest.raises(ValueError, match="ResNetTower"):
        build_vit(clip_spec("RN50"))
