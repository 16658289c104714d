"""Pictures with one class each and no boxes: trees of classes (ImageNet) and lists in a CSV file.

Source: Open-Vocabulary SAM, supplement S1.3: an image label is one prompt whose box is the whole
picture, with no mask; label -1 is an unknown class.
"""

import io
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray
from PIL import Image

from ovsam.datasets.broken_pictures import BrokenPictureError, BrokenPicturesDataset
from ovsam.datasets.coco_ov import describe_vocabulary
from ovsam.datasets.image_index import Stretch
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.shared_labels import shared_labels
from ovsam.datasets.vocabularies import vocabulary_of
from ovsam.registry import passes_options_to
from ovsam.structures.vocabulary import Vocabulary

UNKNOWN = -1  # label of a class that is not known


def whole_image_instance(label: int, size: tuple[int, int]) -> dict[str, Any]:
    """The one instance of a picture of `size` (h, w) px: its box is the picture.

    Its segmentation is the box, filled, as in `CocoPromptDataset(with_masks=False)`: no mask.
    """
    height, width = map(float, size)
    box = [0.0, 0.0, width, height]
    outline = [[0.0, 0.0, width, 0.0, width, height, 0.0, height]]
    return {"annotation_id": 0, "label": label, "bbox": box, "segmentation": outline}


@passes_options_to(BrokenPicturesDataset)
class ImageLabelDataset(BrokenPicturesDataset):
    """One sample per picture, with one instance: the whole picture.

    A sample has the form of `CocoPromptDataset(with_masks=False)`, with `supervision="image"`. A
    subclass lists the pictures (`list_labelled`). What it leaves out is counted in `skipped` and logged.
    """

    def __init__(
        self, *, vocabulary: str | Mapping[str, Any] | Vocabulary, shared: str = "", **options: Any
    ) -> None:
        """Args:
        vocabulary: the class list: a name, see `get_vocabulary`, or a config of `class_list`.
        shared: name of a vocabulary whose labels the samples have, see `shared_labels`; the class list's
            own if empty.
        options: those of `BrokenPicturesDataset`, and the source.

        Raises:
            FileNotFoundError, ValueError: data that are missing or broken.
        """
        self.own_vocabulary = vocabulary_of(vocabulary)
        self.vocabulary, labels = self.own_vocabulary, tuple(range(len(self.own_vocabulary)))
        if shared:
            self.vocabulary, labels = shared_labels(self.own_vocabulary, shared)
        self._shared_labels = np.array((*labels, UNKNOWN), np.int64)  # place -1: unknown
        self.skipped: dict[str, int] = {}
        self._stretches: Sequence[Stretch] = ()
        self._labels = np.zeros(0, np.int64)
        self._places = np.zeros(0, np.int64)
        super().__init__(
            metainfo={**describe_vocabulary(self.vocabulary), "with_masks": False}, **options
        )

    @abstractmethod
    def list_labelled(self) -> tuple[Sequence[Stretch], NDArray[np.int64]]:
        """All pictures, and the label of each in the own class list (-1 = unknown)."""

    def full_init(self) -> None:
        """List the pictures. They are kept as arrays, not as mmengine's list of dicts.

        Raises:
            ValueError: there is none.
        """
        if self._fully_initialized:
            return
        pictures, labels = self.list_labelled()
        left_out = "; ".join(f"{n:,} {reason}" for reason, n in self.skipped.items()) or "nothing"
        source = self.ann_file or self.data_root
        text = f"{source}: {len(labels):,} images of {len(np.unique(labels)):,} classes"
        print_log(f"{text}; left out: {left_out}", "current", logging.INFO)
        if not len(labels):
            raise ValueError(f"{source} has no image to keep; left out: {left_out}")
        places = np.arange(len(labels))
        if self._indices is not None:
            chosen = self._indices
            places = places[:chosen] if isinstance(chosen, int) else places[list(chosen)]
        self._stretches, self._places = pictures, places
        self._labels = self._shared_labels[labels]
        self._fully_initialized = True

    def load_data_list(self) -> list[dict[str, Any]]:
        """mmengine's way to list the data, which `full_init` replaces."""
        raise NotImplementedError("the pictures are listed by full_init")

    def __len__(self) -> int:
        if not self._fully_initialized:
            self.full_init()
        return len(self._places)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) label of each picture, in the vocabulary that its sample has."""
        len(self)
        return self._labels[self._places]

    def image_id(self, index: int) -> str:
        """Name of the picture with its folder or tar file."""
        return self._place(index).identity

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One entry with its decoded picture.

        Raises:
            BrokenPictureError: it cannot be read.
        """
        place = self._place(idx)
        picture = self._pictures.get(place.shown)  # filled with `cache_images` only
        if picture is None:
            picture = _decoded(place)
        size = picture.shape[:2]
        label = int(self._labels[self._places[idx]])
        return dict(
            img_id=self.image_id(idx),
            img_path=place.shown,
            img=picture,
            height=size[0],
            width=size[1],
            instances=[whole_image_instance(label, size)],
            supervision="image",
        )

    def _place(self, index: int) -> Stretch:
        len(self)
        return self._stretches[int(self._places[index])]


def _decoded(place: Stretch) -> NDArray[np.uint8]:
    """A picture as it is stored, (h, w, 3) RGB; BrokenPictureError where it cannot be read."""
    try:
        content = place.read()
        with Image.open(io.BytesIO(content)) as opened:
            size = opened.size[::-1]
        return read_picture(place.shown, content, size=size)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        is_named = place.path in str(error)
        text = str(error) if is_named else f"image {place.shown} is broken or no picture"
        raise BrokenPictureError(text) from None
