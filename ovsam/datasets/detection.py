"""Detection data with boxes and no masks, as they are published: V3Det and Objects365 v2.

Sources: Wang et al., V3Det, ICCV 2023; Shao et al., Objects365, ICCV 2019.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ovsam.datasets.broken_pictures import BrokenPictureError, BrokenPicturesDataset, OnError
from ovsam.datasets.class_keys import name_forms
from ovsam.datasets.coco_index import CocoIndex, index_annotations, read_annotations
from ovsam.datasets.coco_ov import CocoPromptDataset, place_pictures
from ovsam.datasets.pictures import read_entry
from ovsam.registry import DATASETS, passes_options_to
from ovsam.structures.vocabulary import Vocabulary

#: Pictures that Objects365 v2 lists and does not have. Source: mmdet's reader (Apache-2.0).
OBJECTS365_ABSENT = frozenset(
    (
        "patch16/objects365_v2_00908726.jpg",
        "patch6/objects365_v1_00320532.jpg",
        "patch6/objects365_v1_00320534.jpg",
    )
)


def name_in_v3det(listed: str) -> str | None:
    """Where a picture lies that V3Det's annotations list, below their root."""
    return listed


def name_in_objects365(listed: str) -> str | None:
    """The same below `train/` or `val/`: two parts; None for the pictures of `OBJECTS365_ABSENT`."""
    short = "/".join(listed.replace("\\", "/").split("/")[-2:])
    return None if short in OBJECTS365_ABSENT else short


@passes_options_to(CocoPromptDataset)
class BoxedDataset(BrokenPicturesDataset, CocoPromptDataset):
    """Boxes with classes in COCO's format; category ids are those of the file, found by name.

    Samples have `supervision="boxes"`, and their masks are the boxes, filled. Pictures that are listed
    and absent are an error, or counted and left out with `on_error="skip"`.
    """

    #: Name in the annotations -> place below the folder of the images; None: never published.
    file_name: Callable[[str], str | None]

    def __init__(
        self, *, vocabulary: str, on_error: OnError = "raise", min_box_side: float = 1.0, **options: Any
    ) -> None:
        """Args:
        vocabulary: name of the class list.
        on_error: see `BrokenPicturesDataset`.
        min_box_side: boxes with a shorter side (px, original) are left out.
        options: those of `CocoPromptDataset`, without `with_masks`.

        Raises:
            FileNotFoundError, ValueError: as there, and classes of the file that the list lacks.
        """
        super().__init__(
            vocabulary=vocabulary,
            on_error=on_error,
            min_box_side=min_box_side,
            **{**options, "with_masks": False},
        )

    def read_index(self, path: Path) -> CocoIndex:
        """The index of the annotation file, with the pictures that are there."""
        content = read_annotations(path, self.own_vocabulary)
        vocabulary = with_file_ids(self.own_vocabulary, content, path)
        index = index_annotations(content, path=path, vocabulary=vocabulary, **self.index_choices)
        names = {image["img_id"]: self.file_name(image["file_name"]) for image in index.images}
        unpublished = sum(name is None for name in names.values())
        index.images = [image for image in index.images if names[image["img_id"]] is not None]
        for image in index.images:
            image["file_name"] = names[image["img_id"]]
        if unpublished:
            index.skipped["images that were never published"] = unpublished
        place_pictures(index, Path(self.data_prefix["img"]), self.own_vocabulary)
        leave_out_absent(index, path, is_error=not self.skips_broken)
        return index

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One entry; where broken pictures are skipped, with its decoded picture.

        Raises:
            BrokenPictureError: it cannot be read.
        """
        results = super().get_data_info(idx)
        if self.skips_broken and not self.cache_images:
            try:
                results["img"] = read_entry(results)
                size = results["img"].shape[:2]
                if size != (results["height"], results["width"]):
                    raise ValueError(
                        f"image {results['img_path']} has (h, w) = {size}, its annotations are for"
                        f" {(results['height'], results['width'])}"
                    )
            except (OSError, ValueError) as error:
                raise BrokenPictureError(str(error)) from None
        return results


@DATASETS.register_module()
@passes_options_to(BoxedDataset)
class V3DetDataset(BoxedDataset):
    """V3Det 2023 v1; file names in the annotations start with `images/`."""

    file_name = staticmethod(name_in_v3det)

    def __init__(self, *, vocabulary: str = "v3det", **options: Any) -> None:
        super().__init__(vocabulary=vocabulary, **options)


@DATASETS.register_module()
@passes_options_to(BoxedDataset)
class Objects365Dataset(BoxedDataset):
    """Objects365 v2: the annotations name `images/v2/patch16/x.jpg`, the picture is `patch16/x.jpg`."""

    file_name = staticmethod(name_in_objects365)

    def __init__(self, *, vocabulary: str = "objects365", **options: Any) -> None:
        super().__init__(vocabulary=vocabulary, **options)


def with_file_ids(vocabulary: Vocabulary, content: Any, path: Path) -> Vocabulary:
    """The vocabulary with the category ids that an annotation file gives to its names.

    Misspelt names may have been mended in our list: what is left over on both sides counts as one where
    the ids are the same.

    Raises:
        ValueError: the file has no categories, an id or a name twice, or a class that the list lacks.
    """
    rows = content.get("categories") if isinstance(content, Mapping) else None
    if not isinstance(rows, Sequence) or not rows or not all(isinstance(r, Mapping) for r in rows):
        raise ValueError(f"{path} has no list `categories`")
    ids = [row.get("id") for row in rows]
    names = [str(row.get("name", "")).strip() for row in rows]
    for what, values in (("category ids", ids), ("category names", names)):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise ValueError(f"{path}: {what} occur twice: {twice[:3]}")
    if not all(isinstance(identity, int) for identity in ids) or not all(names):
        raise ValueError(f"{path}: each category needs an id that is a whole number, and a name")
    label_of: dict[int, int] = {}  # category id -> label
    for form in (lambda name: name, lambda name: name_forms(name).forms[2]):
        taken = set(label_of.values())
        free = {form(n): label for label, n in enumerate(vocabulary.names) if label not in taken}
        for identity, name in zip(ids, names, strict=True):
            if identity not in label_of and form(name) in free:
                label_of[identity] = free.pop(form(name))
    taken, own = set(label_of.values()), vocabulary.label_of_category
    for identity in ids:
        if identity not in label_of and own.get(identity, -1) not in (taken | {-1}):
            label_of[identity] = own[identity]
    others = [name for identity, name in zip(ids, names, strict=True) if identity not in label_of]
    if others or 2 * len(taken) < len(ids):
        raise ValueError(
            f"{path} is not of vocabulary {vocabulary.name!r} ({len(vocabulary):,} classes):"
            f" {len(others)} of its {len(ids)} classes are not in the list, such as"
            f" {(others or names)[:3]}"
        )
    id_of = {label: identity for identity, label in label_of.items()}
    # Classes that the file lacks get ids that no file has.
    every = tuple(id_of.get(label, -1 - label) for label in range(len(vocabulary)))
    return Vocabulary(
        vocabulary.name, vocabulary.classes, vocabulary.base, vocabulary.novel, category_ids=every
    )


def leave_out_absent(index: CocoIndex, path: Path, *, is_error: bool) -> None:
    """Remove and count the images without a file.

    Raises:
        FileNotFoundError: there are some, and `is_error`.
    """
    files: dict[str, set[str]] = {}
    absent = []
    for image in index.images:
        folder, name = os.path.split(image["img_path"])
        if folder not in files:
            files[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        if name not in files[folder]:
            absent.append(image)
    if absent and is_error:
        raise FileNotFoundError(
            f"{path} lists {len(absent):,} of {len(index.images):,} images that do not exist, such as"
            f" {', '.join(image['img_path'] for image in absent[:3])}; bring them, or set"
            " on_error='skip' to leave them out"
        )
    if absent:
        gone = {image["img_id"] for image in absent}
        index.images = [image for image in index.images if image["img_id"] not in gone]
        index.skipped["images listed and absent"] = len(absent)
