"""Post-processing: padding is cut off before the original size is restored."""

import torch

from ovsam.benchmark.memory import peak_tensor_bytes
from ovsam.ops.postprocess import masks_at_original_size


def test_padding_is_cut_off():
    logits = torch.full((1, 8, 8), -1.0)
    logits[:, :, :4] = 1.0  # left half of the 32 px square = the whole unpadded width
    masks = masks_at_original_size(logits, 32, img_shape=(32, 14), ori_shape=(48, 21))
    assert masks.shape == (1, 48, 21)
    assert masks.dtype == torch.bool
    assert masks.all()


def test_position_survives_the_way_back():
    logits = torch.full((2, 16, 16), -4.0)
    logits[1, 4:8, 2:10] = 4.0  # rows 16..32, columns 8..40 of a 64 px square
    masks = masks_at_original_size(logits, 64, img_shape=(64, 48), ori_shape=(128, 96))
    rows, columns = masks[1].nonzero().unbind(1)
    assert not masks[0].any()
    assert abs(rows.min() - 32) <= 1
    assert abs(rows.max() - 63) <= 1
    assert abs(columns.min() - 16) <= 1
    assert abs(columns.max() - 79) <= 1


def test_chunks_equal_the_whole_and_none_gives_none():
    logits = torch.randn(70, 5, 5)
    whole = masks_at_original_size(logits, 20, (20, 13), (31, 17))
    parts = [masks_at_original_size(row[None], 20, (20, 13), (31, 17)) for row in logits]
    assert torch.equal(whole, torch.cat(parts))
    assert masks_at_original_size(logits[:0], 20, (20, 13), (31, 17)).shape == (0, 31, 17)


def test_masks_of_a_large_picture_are_enlarged_few_at_once():
    """25 million pixels: of 32 masks at once the float maps alone would take 3.2 GB."""
    logits = torch.zeros(32, 8, 8, device="meta")
    bools = 32 * 5000 * 5000

    def enlarge():
        return masks_at_original_size(logits, 64, (64, 64), (5000, 5000))

    # torch interpolates in more ways than one; they differ by a map or two.
    assert bools < peak_tensor_bytes(enlarge) < 3 * bools
