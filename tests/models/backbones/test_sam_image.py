import pytest
import torch
from segment_anything import sam_model_registry

from ovsam.models.backbones.sam_image import SamImageEncoder


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_state_dict_is_that_of_sams_image_encoder(name):
    with torch.device("meta"):
        ours = SamImageEncoder(architecture=name)
        theirs = sam_model_registry[name]().image_encoder
    shapes = {key: tensor.shape for key, tensor in ours.state_dict().items()}
    assert shapes == {key: tensor.shape for key, tensor in theirs.state_dict().items()}
    assert [b.window_size for b in ours.blocks] == [b.window_size for b in theirs.blocks]
    assert [b.norm1.eps for b in ours.blocks] == [b.norm1.eps for b in theirs.blocks]


def test_numbers_replace_the_presets():
    encoder = SamImageEncoder(
        architecture="mini", image_size=48, patch_size=16, embed_dim=24, depth=3, out_channels=5
    )
    assert (encoder.out_channels, encoder.stride, encoder.embedding_size) == (5, 16, (3, 3))
    assert len(encoder.blocks) == 3
    assert encoder(torch.randn(2, 3, 48, 48)).shape == (2, 5, 3, 3)


def test_tokens_know_their_place_before_any_training():
    encoder = SamImageEncoder(architecture="mini")
    assert encoder.pos_embed.std() > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(architecture="vit_x"), "vit_h"),
        (dict(architecture="mini", image_size=100), "multiple of 8"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SamImageEncoder(**arguments)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="192 x 192"):
        SamImageEncoder(architecture="mini")(torch.zeros(1, 3, 64, 192))
