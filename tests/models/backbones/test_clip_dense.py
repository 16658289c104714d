import pytest
import torch
from open_clip.transformer import QuickGELU, VisionTransformer

from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.weights import load_parts, save_weights
from ovsam.weights.conversion_catseg import split_projections


def make(**changes):
    return DenseClip(**{"architecture": "shapes-vit", "image_size": 64, "taps": (1, 3), **changes})


def whole_tower():
    return VisionTransformer(
        image_size=64,
        patch_size=8,
        width=96,
        layers=6,
        heads=4,
        mlp_ratio=4.0,
        output_dim=64,
        act_layer=QuickGELU,
    )


def test_blocks_before_the_last_are_those_of_open_clip():
    tower, dense = whole_tower(), make()
    dense.visual.load_state_dict(split_projections(tower.state_dict()), strict=True)
    seen = []
    for number in (1, 3):
        tower.transformer.resblocks[number].register_forward_hook(
            lambda m, a, output: seen.append(output)
        )
    images = torch.randn(2, 3, 64, 64)
    tower(images)
    taps = dense(images).tap_tokens
    assert [tuple(tap.shape) for tap in taps] == [(2, 65, 96)] * 2
    for tap, expected in zip(taps, seen, strict=True):
        torch.testing.assert_close(tap, expected)


def test_text_equals_the_tower_with_fused_weights():
    text, dense = ClipTextEncoder(architecture="shapes-vit"), make()
    dense.text.load_state_dict(split_projections(text.text.state_dict()), strict=True)
    sentences = ["a red bar", "a photo of a small blue star", ""]
    torch.testing.assert_close(dense.encode_text(sentences), text.encode(sentences))


def test_last_block_adds_the_class_token_to_the_values_of_every_token():
    dense = make(taps=(4,))
    features = dense(torch.randn(1, 3, 32, 32))
    tokens, block = features.tap_tokens[0], dense.visual.transformer.resblocks[-1]
    attention = block.attn
    values = block.ln_1(tokens) @ attention.v_proj_weight.t() + attention.in_proj_bias[192:]
    tokens = attention.out_proj(values) + tokens[:, :1]
    tokens = tokens + block.mlp(block.ln_2(tokens))
    torch.testing.assert_close(features.tokens, dense.visual.ln_post(tokens) @ dense.visual.proj)


def test_positions_are_resized_only_where_the_grid_differs():
    same, other = make(), make(image_size=48)
    assert same.positions() is same.visual.positional_embedding
    assert other.positions().shape == (1 + 36, 96)
    assert torch.equal(other.positions()[0], other.visual.positional_embedding[0])
    assert other(torch.randn(1, 3, 48, 48)).map.shape == (1, 64, 6, 6)


def test_only_queries_and_values_are_trained():
    dense = make()
    trained = {name for name, parameter in dense.named_parameters() if parameter.requires_grad}
    assert {name.rpartition(".")[2] for name in trained} == {"q_proj_weight", "v_proj_weight"}
    assert len(trained) == 2 * (6 + 2)


def test_recomputing_changes_no_gradient():
    plain, recomputed = make(), make(checkpoints=True)
    recomputed.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 32, 32)
    for dense in (plain, recomputed):
        (dense(images).map.square().mean() + dense.encode_text(["a bar"]).square().mean()).backward()
    for (name, first), second in zip(plain.named_parameters(), recomputed.parameters(), strict=True):
        if first.grad is not None:
            torch.testing.assert_close(first.grad, second.grad, msg=name)


def test_dropped_queries_change_nothing():
    dense, images = make(), torch.randn(1, 3, 32, 32)
    fast = dense(images).tokens
    dense.is_fast = False
    assert torch.equal(dense(images).tokens, fast)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "shapes-rn"}, "ViT"),
        ({"image_size": 30}, "multiple of 8"),
        ({"taps": (5,)}, "0 to 4"),
        ({"trained": ("queries",)}, "queries"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_a_clip_that_was_trained_whole_loads_by_the_source_that_configs_name(tmp_path):
    text = ClipTextEncoder(architecture="shapes-vit")
    tensors = {f"image_encoder.visual.{n}": t for n, t in whole_tower().state_dict().items()}
    tensors |= {f"text_encoder.{n}": t for n, t in text.state_dict().items()}
    save_weights(tensors, tmp_path / "clip" / "weights.safetensors", {})
    holder = torch.nn.ModuleDict({"backbone": make()})
    sources = {
        "backbone.visual": "split_projections:clip#image_encoder.visual",
        "backbone.text": "split_projections:clip#text_encoder.text",
    }
    load_parts(holder, sources, tmp_path)
    fused = tensors["image_encoder.visual.transformer.resblocks.2.attn.in_proj_weight"]
    attention = holder["backbone"].visual.transformer.resblocks[2].attn
    assert torch.equal(attention.v_proj_weight, fused[192:])
    torch.testing.assert_close(holder["backbone"].encode_text(["a bar"]), text.encode(["a bar"]))
