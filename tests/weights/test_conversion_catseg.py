import torch

from ovsam.weights.conversion import convert, layout_of
from ovsam.weights.conversion_catseg import convert_catseg, split_projections


def test_fused_weights_are_split_in_the_order_of_torch():
    fused = torch.arange(24.0).reshape(6, 4)
    found = split_projections({"a.attn.in_proj_weight": fused, "a.ln_1.weight": torch.ones(2)})
    assert sorted(found) == [
        "a.attn.k_proj_weight",
        "a.attn.q_proj_weight",
        "a.attn.v_proj_weight",
        "a.ln_1.weight",
    ]
    assert torch.equal(found["a.attn.k_proj_weight"], fused[2:4])


def test_released_files_with_fused_weights_and_masks_convert():
    clip = "sem_seg_head.predictor.clip_model"
    layer = "sem_seg_head.predictor.transformer.layers.1"
    found = convert_catseg(
        {
            f"{clip}.transformer.resblocks.2.attn.in_proj_weight": torch.zeros(6, 2),
            f"{layer}.swin_block.block_2.attn_mask": torch.zeros(4, 9, 9),
            f"{layer}.swin_block.block_2.attn.k.weight": torch.zeros(2, 4),
            f"{layer}.attention.padding_tokens": torch.zeros(1, 1, 5),
            "pixel_mean": torch.zeros(3, 1, 1),
            "upsample2.bias": torch.zeros(3),
        }
    )
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {
        "backbone.text.transformer.resblocks.2.attn.q_proj_weight": (2, 2),
        "backbone.text.transformer.resblocks.2.attn.k_proj_weight": (2, 2),
        "backbone.text.transformer.resblocks.2.attn.v_proj_weight": (2, 2),
        "aggregator.layers.1.windows.blocks.1.attention.key.weight": (2, 4),
        "aggregator.layers.1.classes.padding_token": (1, 5),
        "decoder.tap_upsamplers.1.bias": (3,),
    }


def test_files_are_told_by_their_names():
    names = ["sem_seg_head.predictor.clip_model.token_embedding.weight", "upsample1.bias"]
    assert layout_of(names) == "catseg"
    found = convert({"upsample1.bias": torch.ones(2)}, "catseg")
    assert list(found) == ["decoder.tap_upsamplers.0.bias"]
