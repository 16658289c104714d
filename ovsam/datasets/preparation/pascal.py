"""PASCAL VOC 2012 (PAS-20, PAS-20b) and PASCAL Context on VOC 2010 (PC-59, PC-459).

Sources: Everingham et al., PASCAL VOC 2012, converted as in CAT-Seg; Mottaghi et al., The Role of
Context (CVPR 2014). Context's 459 classes are the values 1..459 of `LabelMap` in one MATLAB file per
image; the 59 frequent ones come from `trainval_merged.json`, which has regions in COCO's run-length
code and says of every image whether it is in `train` or `val`. See `semantic.PREPARATIONS` for the
arguments; `root` is the folder of `VOC2010` and `VOC2012` with their `JPEGImages`.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError

from ovsam.datasets.label_maps import LabelMap
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.label_maps import ValueTable, read_list, require, write_label_maps
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.datasets.tree import DataTreeError
from ovsam.ops.masks import decode_segmentations

VOC = "VOCtrainval_11-May-2012.tar (2.0 GB) from the PASCAL VOC 2012 page"
IMAGES = "VOCtrainval_03-May-2010.tar (1.3 GB) from the PASCAL VOC 2010 page"
MERGED = "trainval_merged.json (590 MB) of the Detail API, github.com/zhanghang1989/detail-api"
MAPS = "trainval.tar.gz (30 MB) from the PASCAL Context page"
#: Names that must agree before we take a file's category ids for those of the 459 classes.
MIN_AGREEING_NAMES = 50


def prepare_voc(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `voc20/val` and `voc20b/val`: 20 classes as 0..19; background 255, in the second 20.

    `source` is the archive's folder `VOC2012`.
    """
    source = source or root / "VOC2012"
    stems = read_list(source / "ImageSets" / "Segmentation" / "val.txt", VOC)
    folder = require(source / "SegmentationClass", VOC)
    lines = []
    for spec in map(get_spec, ("pas20", "pas20b")):
        labels = {value: value - 1 for value in range(1, 21)}
        if spec.background is None:
            table = ValueTable(labels, [255, 0], spec)
        else:
            table = ValueTable({**labels, 0: spec.background}, [255], spec)
        lines.append(write_label_maps(spec, root, stems, table.of_files(folder, VOC), options))
    return lines


def prepare_pc59(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `context59/val`: 59 classes as 0..58 by ascending category id, 255 elsewhere.

    `source` is `trainval_merged.json`; default the one in `<root>/VOC2010`.
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
        raise DataTreeError(f"{path} cannot be read ({error!r}); download {MERGED} again") from None
    _check_categories(categories, spec, path)
    by_stem = {Path(image["file_name"]).stem: image for image in images.values()}

    def convert(stem: str) -> LabelMap:
        image = by_stem[stem]
        return _labels_of_regions(regions[image["image_id"]], (image["height"], image["width"]), spec)

    return [write_label_maps(spec, root, sorted(by_stem), convert, options)]


def prepare_pc459(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `context459/val`: 459 classes as 0..458 in 16 bits, 459 elsewhere.

    `source` is the folder of the MATLAB files; default `<root>/VOC2010/trainval`.
    """
    spec = get_spec("pc459")
    folder = require(source or root / "VOC2010" / "trainval", MAPS)
    stems = read_list(root / "VOC2010" / "ImageSets" / "Main" / "val.txt", IMAGES)
    # 0 and 460 are what the published conversion (value - 1, in 16 bits) leaves outside its classes.
    table = ValueTable({value: value - 1 for value in range(1, 460)}, [0, 460], spec)

    def convert(stem: str) -> LabelMap:
        path = require(folder / f"{stem}.mat", MAPS)
        try:
            values = scipy.io.loadmat(str(path), variable_names=["LabelMap"])["LabelMap"]
        except (MatReadError, KeyError, OSError, ValueError, TypeError) as error:
            raise DataTreeError(f"{path} has no LabelMap ({error!r}); download {MAPS} again") from None
        return table(values, path)

    return [write_label_maps(spec, root, stems, convert, options)]


def _check_categories(categories: list[dict[str, Any]], spec: SemsegSpec, path: Path) -> None:
    """DataTreeError where a file's category ids are not those of the 459 classes, by their names."""
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
    """Later regions cover earlier ones; classes beyond the 59 are unknown."""
    label_of = spec.classes.label_of_category
    labels = np.full(size, spec.ignore_index, np.uint8)
    try:
        masks = decode_segmentations([region["segmentation"] for region in regions], size)
    except ValueError as error:
        raise DataTreeError(
            f"image {regions[0]['image_id']}: {error}; download {MERGED} again"
        ) from None
    for mask, region in zip(masks, regions, strict=True):
        labels[mask] = label_of.get(region["category_id"], spec.ignore_index)
    return labels
