"""Images with instance annotations in COCO's format, restricted to groups of a vocabulary."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mmengine.logging import print_log

from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.broken import report_left_out
from ovsam.datasets.coco_index import (
    CocoIndex,
    describe_odd,
    prepare_hint,
    read_coco_index,
    with_categories_of,
)
from ovsam.datasets.pictures import picture_path
from ovsam.datasets.shared_labels import shared_labels
from ovsam.datasets.vocabularies import vocabulary_of
from ovsam.registry import DATASETS, passes_options_to
from ovsam.structures.vocabulary import Vocabulary

NO_MASKS = (
    "; masks are needed to train or measure masks and for click prompts; where boxes are enough (box"
    " prompts, names), set with_masks=False in the data set's config"
)
Keep = Literal["base", "novel", "evaluated", "all"]


def labels_to_keep(vocabulary: Vocabulary, keep: Keep) -> frozenset[int]:
    """Labels of a group of classes; ValueError where there is no such group."""
    groups = {
        "base": vocabulary.base,
        "novel": vocabulary.novel,
        "evaluated": vocabulary.evaluated,
        "all": frozenset(range(len(vocabulary))),
    }
    if keep not in groups:
        raise ValueError(f"unknown keep {keep!r}; expected one of {', '.join(groups)}")
    return groups[keep]


@DATASETS.register_module()
@passes_options_to(SampleSeededDataset)
class CocoPromptDataset(SampleSeededDataset):
    """One sample per image, with the instances of some classes.

    An annotation of another class is never looked at, nor is its image there because of it: with
    `keep='base'` nothing of the novel annotations can reach what the pipeline returns.

    An entry has `img_id`, `img_path`, `height`, `width` (px, original) and `instances`: `label`
    (vocabulary order), `bbox` (xyxy px, original), `segmentation`, `annotation_id`. What is left out
    (see `coco_index`) is counted in `skipped` and logged; with `on_error='skip'` also single annotations
    that are broken. An image loses these only.
    """

    def __init__(
        self,
        *,
        ann_file: str,
        data_prefix: dict[str, str],
        vocabulary: str | Mapping[str, Any],
        data_root: str = "",
        keep: Keep = "all",
        min_box_side: float = 0.0,
        drop_empty: bool = True,
        merge_categories: bool = False,
        with_masks: bool = True,
        shared: str = "",
        **options: Any,
    ) -> None:
        """Args:
        ann_file: annotation file, below `data_root` unless absolute.
        data_prefix: `dict(img=folder of the images)`, below `data_root`.
        vocabulary: name, see `get_vocabulary`; or a config of `class_list`, whose names are looked up
            among the `categories` of `ann_file`.
        data_root: folder of the data set.
        keep: whose annotations are kept: of the `base`, the `novel`, both (`evaluated`), or `all`.
        min_box_side: instances whose box has a shorter side (px, original) are left out.
        drop_empty: leave out images without a kept instance.
        merge_categories: of several categories of one name in `ann_file`, all count as the first.
        with_masks: leave out annotations that have only a box. Without, only boxes count: the masks
            are the boxes, filled, so no mask loss and no IoU means anything.
        shared: name of a vocabulary whose labels the samples have, see `shared_labels`; the data set's
            own if empty. `keep` speaks of the own classes all the same.
        options: those of `SampleSeededDataset`.

        Raises:
            FileNotFoundError, ValueError: data that are missing or broken; says how to make them.
        """
        self.is_own_list = not isinstance(vocabulary, str)
        self.vocabulary = vocabulary_of(vocabulary)
        self.kept_labels = labels_to_keep(self.vocabulary, keep)
        self.min_box_side = min_box_side
        self.drop_empty = drop_empty
        self.merge_categories = merge_categories
        self.with_masks = with_masks
        self.skipped: dict[str, int] = {}
        self.refused: list[str] = []  # annotations, one line each
        self.own_vocabulary, self._labels = self.vocabulary, tuple(range(len(self.vocabulary)))
        if shared:
            self.vocabulary, self._labels = shared_labels(self.own_vocabulary, shared)
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=dict(data_prefix),
            metainfo={**describe_vocabulary(self.vocabulary), "with_masks": with_masks},
            **options,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotation file; images by ascending id."""
        path, self.refused = Path(self.ann_file), []
        index = self.read_index(path)
        for image in index.images:
            for instance in image["instances"]:
                instance["label"] = self._labels[instance["label"]]
        images = [image for image in index.images if image["instances"] or not self.drop_empty]
        self.skipped = dict(index.skipped)
        if self.refused:
            found = sum(len(image["instances"]) for image in index.images)
            total = len(self.refused) + found + sum(index.skipped.values())
            report_left_out("annotations", path, self.refused, total)
            self.skipped["broken annotations"] = len(self.refused)
        if len(images) < len(index.images):
            self.skipped["images without instances"] = len(index.images) - len(images)
        left_out = "; ".join(f"{n:,} {reason}" for reason, n in self.skipped.items()) or "nothing"
        text = f"{self.ann_file}: {len(images):,} images; left out: {left_out}"
        print_log(text, "current", logging.INFO)
        for text in describe_odd(index.odd):
            print_log(f"{self.ann_file}: kept, but look at them: {text}", "current", logging.WARNING)
        if not images:
            hint = NO_MASKS if "segmentations without content" in self.skipped else ""
            raise ValueError(
                f"{self.ann_file} has no image with an instance to keep; left out: {left_out}{hint}"
            )
        return images

    def read_index(self, path: Path) -> CocoIndex:
        """The index of the annotation file, with labels of the own classes and the pictures' places."""
        vocabulary = self.own_vocabulary
        if self.is_own_list:
            vocabulary = with_categories_of(vocabulary, path, merge_categories=self.merge_categories)
        refused = self.refused if self.on_error == "skip" else None
        index = read_coco_index(path, vocabulary=vocabulary, refused=refused, **self.index_choices)
        place_pictures(index, Path(self.data_prefix["img"]), vocabulary)
        return index

    @property
    def sample_labels(self) -> frozenset[int]:
        """Labels of the kept classes as the samples have them: in `vocabulary`."""
        return frozenset(self._labels[label] for label in self.kept_labels)

    @property
    def index_choices(self) -> dict[str, Any]:
        """What `index_annotations` keeps."""
        return dict(
            kept_labels=self.kept_labels,
            min_box_side=self.min_box_side,
            merge_categories=self.merge_categories,
            with_masks=self.with_masks,
        )

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One entry, with what it can be trained on: `supervision` is `masks` or `boxes`."""
        return {**super().get_data_info(idx), "supervision": "masks" if self.with_masks else "boxes"}


def place_pictures(index: CocoIndex, folder: Path, vocabulary: Vocabulary) -> None:
    """Replace the `file_name` of images by `img_path`; FileNotFoundError where `folder` is missing."""
    if not folder.is_dir():
        raise FileNotFoundError(f"image folder {folder} does not exist; {prepare_hint(vocabulary.name)}")
    for image in index.images:
        image["img_path"] = str(picture_path(folder, image.pop("file_name")))


def describe_vocabulary(vocabulary: Vocabulary) -> dict[str, Any]:
    """What a metric needs to know, in plain lists: ascending labels of `base` and `novel`.

    Beside them `vocabulary`: a dict of `name`, `digest`, `classes` (synonyms of each label), and both.
    """
    groups = {"base": sorted(vocabulary.base), "novel": sorted(vocabulary.novel)}
    # The name stands inside a dict: mmengine takes text on the top level for a file name.
    facts = {
        "name": vocabulary.name,
        "digest": vocabulary.digest(),
        "classes": [list(synonyms) for synonyms in vocabulary.classes],
    }
    return {"vocabulary": {**facts, **groups}, **groups}
