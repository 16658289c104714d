"""Conversion: every name of the published files has one of ours; what is dropped is said."""

import json
from pathlib import Path

import pytest
import torch

from ovsam.conversion import convert_ovsam, convert_sam, first_mask_token, ovsam_name

KEYS = Path(__file__).parent / "parity" / "fixtures"


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
    with pytest.raises(ValueError, match=r"not SAM's.*bert\.weight"):
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
