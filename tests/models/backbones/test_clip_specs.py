import open_clip
import pytest
import torch

from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.clip_specs import CLIP_SPECS, OPENAI_MEAN, OPENAI_STD, clip_spec
from ovsam.models.text.clip_text import ClipTextEncoder

RELEASED = sorted(name for name, spec in CLIP_SPECS.items() if spec.model_name)


@pytest.mark.parametrize("name", RELEASED)
def test_table_agrees_with_open_clip(name):
    spec, config = CLIP_SPECS[name], open_clip.get_model_config(CLIP_SPECS[name].model_name)
    assert spec.embed_dim == config["embed_dim"]
    assert spec.crop_size == config["vision_cfg"]["image_size"]
    assert spec.text.quick_gelu == config.get("quick_gelu", False)
    assert spec.pretrained in open_clip.list_pretrained_tags_by_model(spec.model_name)
    normalisation = open_clip.get_pretrained_cfg(spec.model_name, spec.pretrained)
    assert [255 * value for value in normalisation["mean"]] == pytest.approx(OPENAI_MEAN)
    assert [255 * value for value in normalisation["std"]] == pytest.approx(OPENAI_STD)


@pytest.mark.parametrize("name", RELEASED)
def test_state_dicts_have_the_names_and_shapes_of_open_clips_model(name):
    with torch.device("meta"):
        image_encoder = ClipImageEncoder(architecture=name)
        text_encoder = ClipTextEncoder(architecture=name)
        clip = open_clip.model.CLIP(**open_clip.get_model_config(CLIP_SPECS[name].model_name))
    expected = {key: tensor.shape for key, tensor in clip.state_dict().items()}
    del expected["logit_scale"]
    ours = {key: tensor.shape for key, tensor in image_encoder.state_dict().items()}
    ours |= {key: tensor.shape for key, tensor in text_encoder.text.state_dict().items()}
    assert ours == expected


@pytest.mark.parametrize(
    ("name", "grid"), [("RN50", 7), ("RN50x4", 9), ("RN50x16", 12), ("RN50x64", 14), ("shapes-rn", 2)]
)
def test_pool_grid_of_resnets(name, grid):
    assert clip_spec(name).pool_grid == grid


def test_unknown_architecture_names_the_known_ones():
    with pytest.raises(ValueError, match="RN50x16"):
        clip_spec("RN51")
