"""COCO-Stuff and COCO panoptic: label maps of COCO 2017's images.

Sources: Caesar et al., COCO-Stuff (CVPR 2018), `stuffthingmaps`: value = category id - 1, 255 unknown;
Kirillov et al., Panoptic Segmentation: colour = id of a segment. See `semantic.PREPARATIONS` for the
arguments; images are in `<root>/{train,val}2017`.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ovsam.datasets.label_maps import LabelMap
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.label_maps import ValueTable, require, stems_of, write_label_maps
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.datasets.tree import DataTreeError
from ovsam.files import read_json

SPLITS = ("train", "val")
STUFF = "stuffthingmaps_trainval2017.zip (659 MB) from github.com/nightrome/cocostuff"
PANOPTIC = "panoptic_annotations_trainval2017.zip (821 MB) from cocodataset.org"


def prepare_coco_stuff(
    source: Path | None, root: Path, options: Options, splits: Sequence[str] = SPLITS
) -> list[str]:
    """Make `stuff171/{train,val}2017`: 171 classes as 0..170, 255 elsewhere.

    `source` has the originals, `{train,val}2017/*.png`; default `<root>/stuffthingmaps`.
    """
    lines = []
    for split in splits:
        spec = get_spec(f"coco_stuff_{split}")
        folder = require((source or root / "stuffthingmaps") / f"{split}2017", STUFF)
        ids = spec.classes.label_of_category
        # COCO left out eleven categories: their values never occur, but are no error.
        table = ValueTable(ids, [255, *(value for value in range(182) if value not in ids)], spec)
        convert = table.of_files(folder, STUFF)
        lines.append(write_label_maps(spec, root, stems_of(folder), convert, options))
    return lines


def prepare_coco_panoptic(
    source: Path | None, root: Path, options: Options, splits: Sequence[str] = SPLITS
) -> list[str]:
    """Make `panoptic133/{train,val}2017`: 133 classes as 0..132, 255 elsewhere.

    `source` has the originals, `panoptic_{train,val}2017.json` and folders of the same name; default
    `<root>/annotations`.
    """
    lines = []
    for split in splits:
        spec = get_spec(f"coco_panoptic_{split}")
        folder = (source or root / "annotations") / f"panoptic_{split}2017"
        again = f"download {PANOPTIC} again"
        path = require(folder.with_suffix(".json"), PANOPTIC)
        content = read_json(path, missing=again, damaged=again)
        require(folder, f"{PANOPTIC} (a zip file in it)")
        segments = {Path(a["file_name"]).stem: a["segments_info"] for a in content["annotations"]}
        convert = partial(_labels_of, folder, segments, spec)
        lines.append(write_label_maps(spec, root, sorted(segments), convert, options))
    return lines


def _labels_of(
    folder: Path, segments: dict[str, list[dict[str, Any]]], spec: SemsegSpec, stem: str
) -> LabelMap:
    """(H, W) labels of a panoptic PNG, whose segment ids are R + 256 G + 65,536 B; id 0 is unknown."""
    path, label_of = folder / f"{stem}.png", spec.classes.label_of_category
    labels = {0: spec.ignore_index}
    for segment in segments[stem]:
        if segment["category_id"] not in label_of:
            raise DataTreeError(
                f"{path}: category {segment['category_id']} is not one of the {len(label_of)} of"
                f" {spec.title}; download {PANOPTIC} again"
            )
        labels[segment["id"]] = label_of[segment["category_id"]]
    ids = read_picture(path).astype(np.int64) @ np.array([1, 256, 65_536])
    found, places = np.unique(ids, return_inverse=True)
    unlisted = [int(i) for i in found if int(i) not in labels]
    if unlisted:
        raise DataTreeError(
            f"{path}: segment {unlisted[0]} is not in the JSON file; download both again"
        )
    return np.array([labels[int(i)] for i in found], np.uint8)[places.reshape(ids.shape)]
