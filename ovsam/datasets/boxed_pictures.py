"""Whole pictures with boxes and names: what a dense CLIP is judged by."""

from typing import Any

import numpy as np
import torch

from ovsam.datasets.boxed_images import BoxedImages
from ovsam.registry import DATASETS, passes_options_to


@DATASETS.register_module()
@passes_options_to(BoxedImages)
class BoxedPictureDataset(BoxedImages):
    """Pictures with their boxes and the name of what is in each, for zero-shot evaluation.

    An item is dict(inputs=(3, h, w) uint8 RGB, boxes=(n, 4) float32 xyxy px, category_ids=(n,) int64);
    pictures without boxes are left out.

    Args:
        options: those of `BoxedImages`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.rows = np.flatnonzero(np.diff(self.annotations.first))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        objects = np.arange(*self.annotations.first[row : row + 2])
        return dict(
            inputs=torch.from_numpy(self.images[row]).permute(2, 0, 1).contiguous(),  # (3, h, w)
            boxes=torch.from_numpy(self.annotations.boxes[objects].copy()),
            category_ids=torch.from_numpy(self.annotations.category_ids[objects]),
        )
