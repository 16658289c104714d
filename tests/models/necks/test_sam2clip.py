"""SAM2CLIP neck: brings every level to one grid, whatever the strides."""

import pytest
import torch
from torch import nn

from ovsam.models.necks.sam2clip import Sam2ClipNeck, level_projection


def neck(**overrides):
    arguments = dict(
        in_channels=(3, 4, 5, 6), strides=(4, 8, 16, 32), embedding_size=6, width=8, depth=2,
        num_heads=2, window_size=4, global_indexes=(1,), out_channels=7,
    )  # fmt: skip
    return Sam2ClipNeck(**(arguments | overrides))


@pytest.mark.parametrize("target_stride", [8, 16])
def test_embedding_has_the_target_stride(target_stride):
    side = 6 * target_stride
    side += -side % 32
    size = side // target_stride
    maps = [torch.randn(2, c, side // s, side // s) for c, s in ((3, 4), (4, 8), (5, 16), (6, 32))]
    model = neck(target_stride=target_stride, embedding_size=size)
    assert model(maps).shape == (2, 7, size, size)


@pytest.mark.parametrize(
    ("stride", "kind", "kernel"),
    [(4, nn.Conv2d, 4), (8, nn.Conv2d, 2), (16, nn.Conv2d, 1), (32, nn.ConvTranspose2d, 2)],
)
def test_projection_follows_the_strides(stride, kind, kernel):
    projection = level_projection(3, 8, stride, target_stride=16)
    assert type(projection) is kind
    assert projection.kernel_size == projection.stride == (kernel, kernel)


def test_strides_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="stride 12"):
        level_projection(3, 8, 12, target_stride=16)


def test_positions_and_level_encodings_reach_the_output():
    maps = [torch.randn(1, c, 96 // s, 96 // s) for c, s in ((3, 4), (4, 8), (5, 16), (6, 32))]
    model = neck()
    before = model(maps)
    model.pos_embed[:, 2, 3] += 1
    moved = model(maps)
    assert not torch.allclose(before, moved)
    with torch.no_grad():
        model.level_encoding.weight[3] += 1
    assert not torch.allclose(moved, model(maps))


def test_positions_are_weights_that_never_train():
    model = neck()
    assert "pos_embed" in model.state_dict()
    assert "pos_embed" not in dict(model.named_parameters())


def test_first_block_is_windowed_and_last_is_global():
    model = neck()
    assert [block.window_size for block in model.blocks] == [4, 0]
    assert [len(block.attn.rel_pos_h) for block in model.blocks] == [2 * 4 - 1, 2 * 6 - 1]
    assert model.blocks[1].attn.rel_pos_w.abs().sum() == 0


def test_wrong_number_or_size_of_levels_is_refused():
    maps = [torch.randn(1, c, 96 // s, 96 // s) for c, s in ((3, 4), (4, 8), (5, 16), (6, 32))]
    with pytest.raises(ValueError, match="4 levels"):
        neck()(maps[:3])
    with pytest.raises(ValueError, match="expected an embedding"):
        neck(embedding_size=5)(maps)
