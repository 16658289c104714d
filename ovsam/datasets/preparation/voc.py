"""PASCAL VOC 2012: PAS-20 (objects only) and PAS-20b (with background).

Source: Everingham et al., PASCAL VOC 2012; the conversions are CAT-Seg's.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ovsam.datasets.label_maps import LabelMap
from ovsam.datasets.preparation.label_maps import (
    Options,
    ValueTable,
    read_list,
    require,
    write_label_maps,
)
from ovsam.datasets.semseg_specs import get_spec
from ovsam.datasets.tree import DataTreeError

ARCHIVE = "VOCtrainval_11-May-2012.tar (2.0 GB) from the PASCAL VOC 2012 page"


def prepare_voc(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `voc20/val` and `voc20b/val`: 20 classes as 0..19; background 255, or 20 in the second.

    Args:
        source: the folder `VOC2012` of the archive; `<root>/VOC2012` if left out.
        root: folder with `VOC2012/JPEGImages`.
        options: how.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    source = source or root / "VOC2012"
    stems = read_list(source / "ImageSets" / "Segmentation" / "val.txt", ARCHIVE)
    folder = require(source / "SegmentationClass", ARCHIVE)
    lines = []
    for name in ("pas20", "pas20b"):
        spec = get_spec(name)
        labels = {value: value - 1 for value in range(1, 21)}
        ignored = [255]
        if spec.background is None:
            ignored.append(0)
        else:
            labels[0] = spec.background
        table = ValueTable(labels, ignored, spec)

        def convert(stem: str, table: ValueTable = table) -> LabelMap:
            path = folder / f"{stem}.png"
            return table(read_palette_picture(path), path)

        lines.append(write_label_maps(spec, root, stems, convert, options))
    return lines


def read_palette_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W) indices into the palette of a PNG, or its grey values.

    Raises:
        DataTreeError: it is missing, broken or coloured.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("P", "L"):
                raise DataTreeError(f"{path} is a {picture.mode} picture, expected one with a palette")
            return np.asarray(picture)
    except FileNotFoundError:
        raise DataTreeError(f"{path} does not exist; it is in {ARCHIVE}") from None
    except OSError as error:
        raise DataTreeError(f"{path} is broken ({error}); get {ARCHIVE} again") from None
