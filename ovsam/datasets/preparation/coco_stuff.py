"""COCO-Stuff and COCO panoptic: label maps of COCO 2017's images.

Sources: Caesar et al., COCO-Stuff (CVPR 2018), `stuffthingmaps`: value = category id - 1, 255 where
nothing is known; Kirillov et al., Panoptic Segmentation: colour = id of a segment.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.coco_index import read_json
from ovsam.datasets.label_maps import LabelMap, read_label_map
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.preparation.label_maps import Options, ValueTable, require, write_label_maps
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.datasets.tree import DataTreeError

SPLITS = ("train", "val")
STUFF = "stuffthingmaps_trainval2017.zip (659 MB) from github.com/nightrome/cocostuff"
PANOPTIC = "panoptic_annotations_trainval2017.zip (821 MB) from cocodataset.org"


def prepare_coco_stuff(
    source: Path | None, root: Path, options: Options, splits: Sequence[str] = SPLITS
) -> list[str]:
    """Make `stuff171/{train,val}2017`: 171 classes as 0..170, 255 elsewhere.

    Args:
        source: folder with the originals, `{train,val}2017/*.png`; `<root>/stuffthingmaps` if left out.
        root: folder of COCO with `{train,val}2017/*.jpg`.
        options: how.
        splits: which.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    lines = []
    for split in splits:
        spec = get_spec(f"coco_stuff_{split}")
        folder = require((source or root / "stuffthingmaps") / f"{split}2017", STUFF)
        ids = spec.classes.label_of_category
        # The values of the eleven categories that COCO left out never occur, but are no fault.
        unused = [value for value in range(182) if value not in ids]
        table = ValueTable(ids, [255, *unused], spec)

        def convert(stem: str, folder: Path = folder, table: ValueTable = table) -> LabelMap:
            path = folder / f"{stem}.png"
            return table(read_label_map(path, hint=f"get {STUFF} again"), path)

        stems = sorted(path.stem for path in folder.glob("*.png"))
        lines.append(write_label_maps(spec, root, stems, convert, options))
    return lines


def prepare_coco_panoptic(
    source: Path | None, root: Path, options: Options, splits: Sequence[str] = SPLITS
) -> list[str]:
    """Make `panoptic133/{train,val}2017`: 133 classes as 0..132, 255 elsewhere.

    Args:
        source: folder with the originals, `panoptic_{train,val}2017.json` and folders of the same
            name; `<root>/annotations` if left out.
        root: folder of COCO with `{train,val}2017/*.jpg`.
        options: how.
        splits: which.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    lines = []
    for split in splits:
        spec = get_spec(f"coco_panoptic_{split}")
        folder = (source or root / "annotations") / f"panoptic_{split}2017"
        again = f"get {PANOPTIC} again"
        path = require(folder.with_suffix(".json"), PANOPTIC)
        content = read_json(path, missing=again, damaged=again)
        require(folder, f"{PANOPTIC} (a zip file in it)")
        segments = {Path(a["file_name"]).stem: a["segments_info"] for a in content["annotations"]}

        def convert(
            stem: str,
            folder: Path = folder,
            segments: dict[str, list[dict[str, Any]]] = segments,
            spec: SemsegSpec = spec,
        ) -> LabelMap:
            path = folder / f"{stem}.png"
            return labels_of_segments(segment_ids(path), segments[stem], spec, path)

        lines.append(write_label_maps(spec, root, sorted(segments), convert, options))
    return lines


def segment_ids(path: Path) -> NDArray[np.int64]:
    """(H, W) ids of a panoptic PNG: R + 256 G + 65,536 B."""
    colours = read_picture(path).astype(np.int64)
    return colours @ np.array([1, 256, 65_536])


def labels_of_segments(
    ids: NDArray[np.int64], segments: Sequence[dict[str, Any]], spec: SemsegSpec, path: Path
) -> LabelMap:
    """Label of the segment of each pixel; the id 0 is unknown.

    Raises:
        DataTreeError: an id without segment, or a category out of the table.
    """
    label_of = spec.classes.label_of_category
    labels = {0: spec.ignore_index}
    for segment in segments:
        if segment["category_id"] not in label_of:
            raise DataTreeError(
                f"{path}: category {segment['category_id']} is none of the {len(label_of)} of"
                f" {spec.title}; get {PANOPTIC} again"
            )
        labels[segment["id"]] = label_of[segment["category_id"]]
    found, places = np.unique(ids, return_inverse=True)
    unlisted = [int(i) for i in found if int(i) not in labels]
    if unlisted:
        raise DataTreeError(f"{path}: segment {unlisted[0]} is not in the JSON file; get both again")
    values = np.array([labels[int(i)] for i in found], np.uint8)
    return values[places.reshape(ids.shape)]
