"""Pictures of `shapes` that are drawn when they are read: what the small CLIP and SAM are trained on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch.utils.data import Dataset

from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.shapes.classes import COLOURS, PATTERNS, SHAPES, Look
from ovsam.datasets.shapes.world import PICTURE_SIZE, WINDOW_SIDE_RANGE, draw_scene, draw_web_picture
from ovsam.ops.annotations import corners_of_box
from ovsam.ops.masks import encode_masks
from ovsam.registry import DATASETS, passes_options_to


@DATASETS.register_module()
class WebPictures(Dataset):
    """Windows of scenes, and single objects, each with a sentence that names what can be seen; no boxes.

    An item is dict(inputs=(3, s, s) uint8 RGB, captions=sentence, names=frozenset of those in it,
    other_names=a name that differs from one of them in one thing and is not shown). No picture comes
    twice: epoch e has the pictures from e times `num_pictures` on. Training starts with single objects
    only, from which shapes are learnt much faster than from windows.

    Args:
        num_pictures: of an epoch.
        size: s, px.
        templates: sentences with one `{}` each, one is drawn per item.
        num_single: so many pictures of the first epochs show one object.
        single_share: share of the later ones that do.
        sides, common_share: of `draw_web_picture`.
        world: seed of the world that is drawn.
        seed: of templates and other names.
    """

    def __init__(
        self,
        *,
        num_pictures: int,
        size: int,
        templates: Sequence[str],
        num_single: int = 0,
        single_share: float = 0.0,
        sides: tuple[float, float] = WINDOW_SIDE_RANGE,
        common_share: float = 0.0,
        world: int = 0,
        seed: int = 0,
    ) -> None:
        self.num_pictures = num_pictures
        self.templates = tuple(templates)
        self.num_single = num_single
        self.single_share = single_share
        self.drawing = dict(seed=world, size=size, sides=tuple(sides), common_share=common_share)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next items belong to."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_pictures

    def __getitem__(self, index: int) -> dict[str, Any]:
        number = self.epoch * self.num_pictures + index
        rng = np.random.default_rng([self.seed, number])
        single = number < self.num_single or rng.random() < self.single_share
        picture = draw_web_picture(index=number, single=single, **self.drawing)
        about = " and ".join(f"a {look.name}" for look in picture.looks)[
            2:
        ]  # templates bring the first "a"
        return dict(
            inputs=torch.from_numpy(picture.image).permute(2, 0, 1),  # (s, s, 3) -> (3, s, s)
            captions=self.templates[rng.integers(len(self.templates))].format(about),
            names=frozenset(look.name for look in picture.looks),
            other_names=_other(rng, picture.looks).name,
        )


def _other(rng: np.random.Generator, looks: Sequence[Look]) -> Look:
    """A look that differs from a shown one in one thing, and is none of them."""
    while True:
        look = looks[int(rng.integers(len(looks)))]
        kinds = ("colour", "shape", "pattern", "second") if look.pattern else ("colour", "shape")
        kind = kinds[int(rng.integers(len(kinds)))]
        values = {"shape": SHAPES, "pattern": PATTERNS}.get(kind, tuple(COLOURS))
        other = replace(look, **{kind: values[int(rng.integers(len(values)))]})
        if other not in looks and other.colour != other.second:
            return other


@DATASETS.register_module()
@passes_options_to(SampleSeededDataset)
class WebScenes(SampleSeededDataset):
    """Whole scenes with their masks, all with label -1 (unknown), as in SA-1B; every epoch has new ones.

    Args:
        num_pictures: of an epoch.
        size: side, px.
        world: seed of the world that is drawn.
        options: those of `SampleSeededDataset`.
    """

    def __init__(
        self, *, num_pictures: int, size: int = PICTURE_SIZE, world: int = 0, **options: Any
    ) -> None:
        self.num_pictures = num_pictures
        self.size = size
        self.world = world
        super().__init__(**options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per picture of an epoch."""
        return [{"place": place} for place in range(self.num_pictures)]

    def image_id(self, index: int) -> int:
        """Number of the picture at `index` of this epoch."""
        return self.epoch * self.num_pictures + super().get_data_info(index)["place"]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One picture with its instances, drawn."""
        number = self.image_id(idx)
        scene = draw_scene(seed=self.world, split="web", index=number, size=self.size)
        codes = encode_masks(scene.masks)
        size = (self.size, self.size)
        instances = [
            {"annotation_id": n, "label": -1, "bbox": corners_of_box(box, size), "segmentation": code}
            for n, (box, code) in enumerate(zip(coco_mask.toBbox(codes).tolist(), codes, strict=True))
        ]
        return dict(
            img_id=number,
            img_path=f"web/{number}",
            img=scene.image,
            height=self.size,
            width=self.size,
            instances=instances,
        )
