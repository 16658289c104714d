"""PASCAL Context: PC-59 and PC-459, on the validation images of VOC 2010.

Source: Mottaghi et al., The Role of Context (CVPR 2014). Its 459 classes are the values 1..459 of
`LabelMap` in one MATLAB file per image; the 59 frequent ones come from `trainval_merged.json`, whose
regions are in COCO's run-length code and which says of every image whether it is of `train` or `val`.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError

from ovsam.datasets.label_maps import LabelMap
from ovsam.datasets.preparation.label_maps import (
    Options,
    ValueTable,
    read_list,
    require,
    write_label_maps,
)
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.datasets.tree import DataTreeError
from ovsam.ops.masks import decode_segmentations

IMAGES = "VOCtrainval_03-May-2010.tar (1.3 GB) from the PASCAL VOC 2010 page"
MERGED = "trainval_merged.json (590 MB) of the Detail API, github.com/zhanghang1989/detail-api"
MAPS = "trainval.tar.gz (30 MB) from the PASCAL Context page"
#: Names that must agree before the category ids of a file are taken for those of the 459.
MIN_AGREEING_NAMES = 50


def prepare_pc59(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `context59/val`: 59 classes as 0..58 by ascending category id, 255 elsewhere.

    Args:
        source: `trainval_merged.json`; `<root>/VOC2010/trainval_merged.json` if left out.
        root: folder with `VOC2010/JPEGImages`.
        options: how.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    spec = get_spec("pc59")
    path = require(source or root / "VOC2010" / "trainval_merged.json", MERGED)
    try:
        content = json.loads(path.read_bytes())
        images = {i["image_id"]: i for i in content["images"] if i["phase"] == "val"}
        regions: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for region in content["annos_segmentation"]:
            if region["image_id"] in images:
                regions[region["image_id"]].append(region)
        categories = content["categories"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataTreeError(f"{path} cannot be read ({error!r}); get {MERGED} again") from None
    _check_categories(categories, spec, path)
    by_stem = {Path(image["file_name"]).stem: image for image in images.values()}

    def convert(stem: str) -> LabelMap:
        image = by_stem[stem]
        size = image["height"], image["width"]
        return _labels_of_regions(regions[image["image_id"]], size, spec)

    return [write_label_maps(spec, root, sorted(by_stem), convert, options)]


def prepare_pc459(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `context459/val`: 459 classes as 0..458 in 16 bits, 459 elsewhere.

    Args:
        source: folder of the MATLAB files; `<root>/VOC2010/trainval` if left out.
        root: folder with `VOC2010/JPEGImages` and `VOC2010/ImageSets`.
        options: how.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    spec = get_spec("pc459")
    folder = require(source or root / "VOC2010" / "trainval", MAPS)
    stems = read_list(root / "VOC2010" / "ImageSets" / "Main" / "val.txt", IMAGES)
    # 0 and 460 are what the published conversion (value - 1, in 16 bits) leaves outside its classes.
    table = ValueTable({value: value - 1 for value in range(1, 460)}, [0, 460], spec)

    def convert(stem: str) -> LabelMap:
        path = require(folder / f"{stem}.mat", MAPS)
        return table(_read_label_map(path), path)

    return [write_label_maps(spec, root, stems, convert, options)]


def _read_label_map(path: Path) -> NDArray[np.integer]:
    try:
        return scipy.io.loadmat(str(path), variable_names=["LabelMap"])["LabelMap"]
    except (MatReadError, KeyError, OSError, ValueError, TypeError) as error:
        raise DataTreeError(f"{path} has no LabelMap ({error!r}); get {MAPS} again") from None


def _check_categories(categories: list[dict[str, Any]], spec: SemsegSpec, path: Path) -> None:
    """The ids of a file must be those of the 459: by the names that it gives them."""
    names = {c.get("category_id", c.get("id")): c["name"] for c in categories}
    expected = dict(zip(spec.classes.category_ids, spec.classes.names, strict=True))
    agreeing = [i for i, name in expected.items() if names.get(i, "").replace(" ", "") == name]
    if len(agreeing) < MIN_AGREEING_NAMES:
        example = next(i for i in expected if i not in agreeing)
        raise DataTreeError(
            f"{path}: the names of only {len(agreeing)} of 59 category ids are those of PASCAL Context"
            f" (id {example} is {names.get(example)!r}, expected {expected[example]!r})"
        )


def _labels_of_regions(
    regions: list[dict[str, Any]], size: tuple[int, int], spec: SemsegSpec
) -> LabelMap:
    """Later regions lie over earlier ones; classes that are not among the 59 are unknown."""
    label_of = spec.classes.label_of_category
    labels = np.full(size, spec.ignore_index, np.uint8)
    try:
        masks = decode_segmentations([region["segmentation"] for region in regions], size)
    except ValueError as error:
        raise DataTreeError(f"image {regions[0]['image_id']}: {error}; get {MERGED} again") from None
    for mask, region in zip(masks, regions, strict=True):
        labels[mask] = label_of.get(region["category_id"], spec.ignore_index)
    return labels
