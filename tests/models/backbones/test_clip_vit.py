import pytest
import torch
from torch import nn

from ovsam.models.backbones.clip_specs import clip_spec
from ovsam.models.backbones.clip_vit import build_vit, convolutional_stem


def test_released_towers_keep_the_one_convolution_of_their_weights():
    with torch.device("meta"):
        visual = build_vit(clip_spec("ViT-B-16"))
    assert tuple(visual.conv1.weight.shape) == (768, 3, 16, 16)


def test_stem_gives_one_vector_per_patch():
    stem = convolutional_stem((8, 16, 24, 24), 32, stride=8)
    assert stem(torch.randn(2, 3, 48, 40)).shape == (2, 32, 6, 5)


def test_stem_reads_no_other_image_of_the_batch():
    stem, images = convolutional_stem((8, 16, 24), 32, stride=8), torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(stem(images)[1:2], stem(images[1:2]))


def test_tower_with_a_stem_reads_more_than_its_own_patch():
    plain, whole = (build_vit(clip_spec(name)).conv1 for name in ("shapes-vit", "shapes-vit-dense"))
    # Its normalisation reads the whole picture: only the convolutions say how far a patch sees.
    stem = nn.Sequential(*(layer for layer in whole if not isinstance(layer, nn.GroupNorm)))
    images = torch.zeros(1, 3, 32, 32)
    changed = images.clone()
    changed[..., 8] = 1  # the first column of the second patch
    for patch_embedding, reads_its_neighbour in ((plain, False), (stem, True)):
        first_patch = [patch_embedding(picture)[0, :, 0, 0] for picture in (images, changed)]
        assert (not torch.equal(*first_patch)) == reads_its_neighbour


@pytest.mark.parametrize(("channels", "stride"), [((8, 16), 8), ((8, 16, 24), 6)])
def test_stem_that_cannot_have_the_stride_is_refused(channels, stride):
    with pytest.raises(ValueError, match=f"stride {stride}"):
        convolutional_stem(channels, 32, stride)


def test_clip_without_vit_is_refused():
    with pytest.raises(ValueError, match="ResNetTower"):
        build_vit(clip_spec("RN50"))
