"""Crops of annotated images: what a small CLIP is judged by."""

from typing import Any

import torch

from ovsam.datasets.boxed_images import BoxedImages
from ovsam.datasets.broken import OnError
from ovsam.ops.image_crops import Aspect, crop_bounds, crop_images
from ovsam.registry import DATASETS

BORDER = (124, 116, 104)  # RGB beyond the image: the mean colour, 0 after normalisation


@DATASETS.register_module()
class BoxCropDataset(BoxedImages):
    """The crop of every annotated box, without randomness, for zero-shot evaluation.

    An item is dict(inputs=(3, s, s) uint8 RGB, category_ids=int).

    Args:
        annotation_file: COCO JSON.
        image_folder: folder of the images it names.
        crop_size: s, px.
        margin: added on every side of the box, as a share of its side.
        aspect: how the crop becomes square, see `ops.image_crops.Aspect`.
        on_error: as in `BoxedImages`.
    """

    def __init__(
        self,
        *,
        annotation_file: str,
        image_folder: str,
        crop_size: int,
        margin: float = 0.0,
        aspect: Aspect = "context",
        on_error: OnError = "raise",
    ) -> None:
        super().__init__(annotation_file=annotation_file, image_folder=image_folder, on_error=on_error)
        self.crop_size = crop_size
        self.margin = margin
        self.aspect = aspect

    def __getitem__(self, index: int) -> dict[str, Any]:
        image = self.images[self.annotations.image_rows[index]]
        box = self.annotations.boxes[index].tolist()
        crop = crop_images(
            torch.from_numpy(image).permute(2, 0, 1)[None].float(),  # (h, w, 3) -> (1, 3, h, w)
            torch.zeros(1, dtype=torch.int64),
            [crop_bounds(box, image.shape[:2], self.margin, self.aspect)],
            size=self.crop_size,
            fill=torch.tensor(BORDER),
            aspect=self.aspect,
        )
        return dict(
            inputs=crop[0].round().to(torch.uint8),
            category_ids=int(self.annotations.category_ids[index]),
        )
