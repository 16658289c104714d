"""From mask logits on the decoder's grid to masks of the original image."""

import torch
from torch import Tensor

from ovsam.interfaces import Size
from ovsam.ops.windows import resize

CHUNK_SIZE = 32  # masks interpolated at once; a float32 map of 640 x 480 px takes 1.2 MB
MAX_CHUNK_VALUES = 64 << 20  # 256 MB: large pictures take fewer masks at once


def masks_at_original_size(mask_logits: Tensor, side: int, img_shape: Size, ori_shape: Size) -> Tensor:
    """Bilinear to the padded input, padding cut off, bilinear to the original size, probability > 0.5.

    Logits (n, h, w) over the padded square of `side` px, sizes (h, w) of the resized image without
    padding and (H, W) of the original image -> (n, H, W) bool.

    Source: Kirillov et al., Segment Anything, released post-processing.
    """
    masks = [torch.zeros(0, *ori_shape, dtype=torch.bool, device=mask_logits.device)]
    fitting = MAX_CHUNK_VALUES // (ori_shape[0] * ori_shape[1])
    for chunk in mask_logits.float()[:, None].split(max(1, min(CHUNK_SIZE, fitting))):
        padded = resize(chunk, (side, side))
        masks.append(resize(padded[..., : img_shape[0], : img_shape[1]], ori_shape)[:, 0] > 0)
    return torch.cat(masks)
