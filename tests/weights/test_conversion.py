"""Conversion: every name of the published files has one of ours; what is dropped is said."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from mmengine.config import Config
from segment_anything import sam_model_registry
from segment_anything.modeling import MaskDecoder as SamMaskDecoder
from segment_anything.modeling import TwoWayTransformer

from ovsam.cli import configs_folder
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.clip_specs import CLIP_SPECS
from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.registry import build_model
from ovsam.weights import WeightsError, below, load_strict
from ovsam.weights.conversion import (
    convert,
    convert_clip,
    convert_ovsam,
    convert_sam,
    first_mask_token,
    layout_of,
    ovsam_name,
)

KEYS = Path(__file__).parents[1] / "parity" / "fixtures"


def reference(kind):
    shapes = json.loads((KEYS / f"{kind}_rn50_256_keys.json").read_text())
    return {name: torch.zeros(shape, device="meta") for name, shape in shapes.items()}


def test_label_mlp_is_dropped_by_name_and_said(capsys):
    tensors = reference("ovsam")
    converted = convert_ovsam(tensors)
    assert len(converted) == len(tensors) - 6
    assert not any("label_mlp" in name for name in converted)
    assert "label MLP (6 tensors, 394,752 parameters)" in capsys.readouterr().err


def test_label_mlp_can_be_kept():
    tensors = reference("ovsam")
    converted = convert_ovsam(tensors, keep_label_mlp=True)
    assert len(converted) == len(tensors)
    assert converted["mask_decoder.label_mlp.layers.2.weight"].shape == (1024, 256)


def test_distillation_file_and_whole_model_agree_on_the_neck():
    whole, student = convert_ovsam(reference("ovsam")), convert_ovsam(reference("sam2clip"))
    assert {n for n in student if n.startswith("neck.")} == {n for n in whole if n.startswith("neck.")}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("backbone.stem.4.running_var", "backbone.visual.bn2.running_var"),
        ("backbone.layer3.0.downsample.1.bias", "backbone.visual.layer3.0.downsample.1.bias"),
        ("backbone.head.q_proj.weight", "backbone.visual.attnpool.q_proj.weight"),
        ("neck_student.patch_embeds.3.projection.bias", "neck.projections.3.bias"),
        ("neck.neck.2.weight", "neck.neck.2.weight"),
        ("fpn_neck.fpn_convs.1.conv.weight", "pyramid.network.layer_blocks.1.0.weight"),
        ("mask_decoder.mask_decoder.mask_tokens.weight", "mask_decoder.decoder.mask_tokens.weight"),
        ("mask_decoder.roi_conv.0.conv.weight", "region_head.projection.weight"),
        ("something.else", None),
    ],
)
def test_names(name, ours):
    assert ovsam_name(name) == ours


def test_foreign_files_are_refused():
    with pytest.raises(ValueError, match=r"not of Open-Vocabulary SAM.*bert\.weight"):
        convert_ovsam({"bert.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"not of SAM,.*bert\.weight"):
        convert_sam({"bert.weight": torch.zeros(1), "mask_decoder.x": torch.zeros(1)})


def test_two_names_that_become_one_are_refused():
    with pytest.raises(ValueError, match="two tensors become"):
        convert_ovsam(
            {
                "neck.level_encoding.weight": torch.zeros(1),
                "neck_student.level_encoding.weight": torch.zeros(1),
            }
        )


def test_first_mask_token_drops_the_others_and_quality():
    names = ["iou_token.weight", "iou_prediction_head.layers.0.weight", "transformer.x"]
    names += [f"output_hypernetworks_mlps.{i}.layers.0.weight" for i in range(4)]
    tensors = {name: torch.zeros(1) for name in names} | {"mask_tokens.weight": torch.randn(4, 6)}
    kept = first_mask_token(tensors)
    assert set(kept) == {
        "transformer.x",
        "output_hypernetworks_mlps.0.layers.0.weight",
        "mask_tokens.weight",
    }
    torch.testing.assert_close(kept["mask_tokens.weight"], tensors["mask_tokens.weight"][:1])


def test_first_mask_token_needs_a_mask_decoder():
    with pytest.raises(
        ValueError, match=r"expected a SAM mask decoder.*first_mask:sam_vit_h#mask_decoder"
    ):
        first_mask_token({"neck.0.weight": torch.zeros(1)})


@torch.no_grad()
def test_first_mask_token_gives_sams_first_mask():
    transformer = TwoWayTransformer(depth=1, embedding_dim=16, num_heads=2, mlp_dim=8)
    theirs = SamMaskDecoder(transformer_dim=16, transformer=transformer, iou_head_hidden_dim=16)
    ours = MaskDecoder(in_channels=16, depth=1, num_heads=2, mlp_dim=8)
    load_strict(ours, theirs.state_dict())
    single = MaskDecoder(
        in_channels=16, num_mask_tokens=1, predicts_quality=False, depth=1, num_heads=2, mlp_dim=8
    )
    load_strict(single, first_mask_token(theirs.state_dict()))
    # Without the other tokens the transformer attends to fewer, so masks differ; what makes the mask of
    # token 0 from a given token is the same.
    token, embedding = torch.randn(2, 1, 16), torch.randn(2, 16, 3, 5)

    def masks(decoder, tokens):
        kernels, upscaled = decoder._kernels(tokens), decoder.output_upscaling(embedding)
        return torch.einsum("nmc,nchw->nmhw", kernels, upscaled)

    four = masks(ours, token.expand(2, 4, 16))
    torch.testing.assert_close(masks(single, token)[:, 0], four[:, 0])
    assert (four[:, 1] - four[:, 0]).abs().max() > 1e-4
    torch.testing.assert_close(single.mask_tokens.weight[0], theirs.mask_tokens.weight[0])


@pytest.mark.parametrize("architecture", [name for name, spec in CLIP_SPECS.items() if spec.model_name])
def test_every_clip_of_open_clip_fits_both_ways(architecture):
    spec = CLIP_SPECS[architecture]
    with torch.device("meta"):
        theirs = open_clip.create_model(spec.model_name, device="meta").state_dict()
        image = ClipImageEncoder(architecture=architecture)
        text = ClipTextEncoder(architecture=architecture)
    without_counters = {n: t for n, t in theirs.items() if "num_batches_tracked" not in n}
    for tensors in (theirs, without_counters, {**theirs, "input_resolution": torch.tensor(224)}):
        converted = {name: tensor.to("meta") for name, tensor in convert_clip(tensors).items()}
        load_strict(image, below(converted, "image_encoder"))
        load_strict(text, below(converted, "text_encoder"))
        assert all(name.startswith(("image_encoder.", "text_encoder.")) for name in converted)


def test_full_size_model_takes_sam_h_and_clip_both_ways():
    """Names and shapes of what the full-size experiments start from."""
    config = Config.fromfile(str(configs_folder() / "_base_" / "models" / "ovsam.py"))
    with torch.device("meta"):
        model = build_model(config.model)
        sam = convert_sam(sam_model_registry["vit_h"]().state_dict())
        clip = convert_clip(open_clip.create_model("RN50x16-quickgelu", device="meta").state_dict())
    load_strict(model.prompt_encoder, below(sam, "prompt_encoder"))
    load_strict(model.mask_decoder.decoder, first_mask_token(below(sam, "mask_decoder")))
    load_strict(model.backbone, below(clip, "image_encoder"))
    load_strict(model.classifier.text_encoder, below(clip, "text_encoder"))
    assert sam["image_encoder.pos_embed"].shape == model.neck.pos_embed.shape
    with pytest.raises(WeightsError, match=r"\(4, 256\) instead of \(1, 256\).*write 'first_mask:"):
        load_strict(model.mask_decoder.decoder, below(sam, "mask_decoder"))


def test_clip_names_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"not of CLIP,.*neck\.weight"):
        convert_clip({"visual.conv1.weight": torch.zeros(1), "neck.weight": torch.zeros(1)})


def test_layouts_are_told_by_their_names():
    assert layout_of(reference("ovsam")) == "ovsam"
    assert layout_of(reference("sam2clip")) == "ovsam"
    assert layout_of(name for name in reference("ovsam") if name.startswith("fpn_neck")) == "ovsam"
    assert layout_of(name for name in reference("ovsam") if name.startswith("neck")) == "ovsam"
    assert layout_of(["visual.conv1.weight", "token_embedding.weight"]) == "clip"
    assert layout_of(["image_encoder.pos_embed", "mask_decoder.mask_tokens.weight"]) == "ours"


def test_converting_twice_changes_nothing():
    once = convert_ovsam(reference("ovsam"))
    assert layout_of(once) == "ours"
    assert convert(once, layout_of(once)).keys() == once.keys()
    kept = convert(reference("ovsam"), "ovsam", keep_label_mlp=True)
    assert layout_of(kept) == "ours"
    assert len(kept) == len(once) + 6
