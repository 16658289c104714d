"""Plain necks: one level only, any stride; convolutions only."""

import torch

from ovsam.models.necks.plain import ConvolutionalNeck, SingleLevelNeck

MAPS = [torch.randn(2, c, 96 // s, 96 // s) for c, s in ((3, 4), (5, 8), (6, 32))]


def test_single_level_reads_that_level_only():
    neck = SingleLevelNeck(
        in_channels=(3, 5, 6), strides=(4, 8, 32), level=1, embedding_size=6, width=8, depth=1,
        num_heads=2, global_indexes=(0,), out_channels=7,
    ).eval()  # fmt: skip
    embedding = neck(MAPS)
    assert embedding.shape == (2, 7, 6, 6)
    torch.testing.assert_close(neck([MAPS[0] + 1, MAPS[1], MAPS[2] + 1]), embedding)
    assert not torch.allclose(neck([MAPS[0], MAPS[1] + torch.randn_like(MAPS[1]), MAPS[2]]), embedding)


def test_stride_that_does_not_divide_is_resized():
    neck = SingleLevelNeck(
        in_channels=(5,),
        strides=(14,),
        embedding_size=6,
        width=8,
        depth=1,
        num_heads=2,
        global_indexes=(0,),
    )
    assert neck([torch.randn(2, 5, 7, 7)]).shape == (2, 256, 6, 6)


def test_convolutions_read_every_level():
    neck = ConvolutionalNeck(in_channels=(3, 5, 6), strides=(4, 8, 32), width=8, depth=2, out_channels=7)
    maps = [features.clone().requires_grad_() for features in MAPS]
    embedding = neck(maps)
    assert embedding.shape == (2, 7, 6, 6)
    embedding[:, 0].sum().backward()
    assert all(features.grad.abs().sum() > 0 for features in maps)
