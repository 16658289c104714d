"""ADE20K: A-150 (the challenge's classes) and A-847 (the full annotation of 2021).

Sources: Zhou et al., Scene Parsing through ADE20K (CVPR 2017); A-847's 847 classes and its pictures of
512 px are MaskFormer's.
"""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.label_maps import LabelMap, read_label_map, write_atomically
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.preparation.label_maps import Options, ValueTable, require, write_label_maps
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.datasets.tree import DataTreeError

CHALLENGE = "ADEChallengeData2016.zip (923 MB) from the ADE20K page of MIT"
FULL = "ADE20K_2021_17_01.zip (registration at the ADE20K page of MIT)"
SHORT_SIDE = 512
#: Part of the objects in the files beside the pictures that must have the number of the index.
MIN_AGREEING = 0.9
#: What the index of ADE20K is made of, beside plain Python: arrays.
SAFE_MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric")
SAFE_NAMES = ("_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer")


def prepare_ade150(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `labels150/validation`: the values 1..150 as 0..149, 0 as 255.

    Args:
        source: folder `ADEChallengeData2016`; that below `root` if left out.
        root: folder with `ADEChallengeData2016/images`.
        options: how.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    spec = get_spec("a150")
    source = source or root / "ADEChallengeData2016"
    folder = require(source / "annotations" / "validation", CHALLENGE)
    table = ValueTable({value: value - 1 for value in range(1, 151)}, [0], spec)

    def convert(stem: str) -> LabelMap:
        path = folder / f"{stem}.png"
        return table(read_label_map(path, hint=f"get {CHALLENGE} again"), path)

    stems = sorted(path.stem for path in folder.glob("*.png"))
    return [write_label_maps(spec, root, stems, convert, options)]


def prepare_ade847(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `labels847/validation` (16 bits, 65,535 unknown) and `images847/validation`.

    Pictures whose short side is above 512 px are made smaller, bilinear, their labels nearest; all are
    written without loss. The numbers of the 847 classes are looked up by name in the archive's index.

    Args:
        source: folder `ADE20K_2021_17_01`; that below `root` if left out.
        root: folder to write to.
        options: how.

    Returns:
        Lines on what is there now.

    Raises:
        DataTreeError: something is missing or wrong; says what mends it.
    """
    spec = get_spec("a847")
    source = require(source or root / "ADE20K_2021_17_01", FULL)
    names = read_object_names(require(source / "index_ade20k.pkl", FULL))
    folder = require(source / "images" / "ADE" / "validation", FULL)
    maps = {path.name.removesuffix("_seg.png"): path for path in folder.rglob("ADE_val_*_seg.png")}
    check_numbers(names, [path.with_name(f"{stem}.json") for stem, path in sorted(maps.items())])
    table = full_table(names, spec)

    def convert(stem: str) -> LabelMap:
        path = maps[stem]
        picture, labels = read_picture(path.with_name(f"{stem}.jpg")), table(object_numbers(path))
        if picture.shape[:2] != labels.shape:
            raise DataTreeError(
                f"{path} has (h, w) = {labels.shape}, its picture {picture.shape[:2]}; get {FULL} again"
            )
        picture, labels = reduce_pair(picture, labels)
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        write_atomically(root / spec.images / f"{stem}.png", cv2.imencode(".png", bgr)[1].tobytes())
        return labels

    return [write_label_maps(spec, root, sorted(maps), convert, options, has_own_images=True)]


def object_numbers(path: Path) -> NDArray[np.int64]:
    """(H, W) number of the object of each pixel, 0 for none: 256 * (R / 10) + G of `*_seg.png`."""
    colours = read_picture(path).astype(np.int64)
    return colours[..., 0] // 10 * 256 + colours[..., 1]


class FullTable:
    """From numbers of objects to labels of the 847; all other objects are unknown."""

    def __init__(self, labels: dict[int, int], ignore_index: int) -> None:
        self._table = np.full(26 * 256, ignore_index, np.uint16)  # R is below 256, so R / 10 below 26
        self._table[list(labels)] = list(labels.values())

    def __call__(self, numbers: NDArray[np.int64]) -> LabelMap:
        """(H, W) numbers -> (H, W) uint16."""
        return self._table[numbers]


def full_table(names: Sequence[str], spec: SemsegSpec) -> FullTable:
    """The table of the 847 classes.

    Args:
        names: names of all objects; the number of an object is its place, from 1.
        spec: A-847.

    Raises:
        DataTreeError: a class is not among the names, or twice.
    """
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(names, start=1):
        numbers.setdefault(_plain(name), []).append(number)
    found = {name: numbers.get(_plain(name), []) for name in spec.class_names}
    wrong = [name for name, places in found.items() if len(places) != 1]
    if wrong:
        raise DataTreeError(
            f"the index of ADE20K names {len(wrong)} of the 847 classes never or twice, such as"
            f" {wrong[0]!r}: is it that of {FULL}?"
        )
    return FullTable(
        {places[0]: label for label, places in enumerate(found.values())}, spec.ignore_index
    )


def check_numbers(names: Sequence[str], files: Sequence[Path]) -> None:
    """Compare the numbers of objects in the files beside the pictures with the index.

    Raises:
        DataTreeError: too many differ: the index numbers objects otherwise than the pictures do.
    """
    agreeing = total = 0
    for path in files[:200]:  # more say nothing new
        if not path.is_file():
            continue
        content = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        for item in content.get("annotation", {}).get("object", []):
            number = item.get("name_ndx")
            if isinstance(number, int) and number > 0:
                total += 1
                agreeing += number <= len(names) and _plain(names[number - 1]) == _plain(item["name"])
    if agreeing < MIN_AGREEING * total:
        raise DataTreeError(
            f"the index of ADE20K and the files beside its pictures agree on the numbers of only"
            f" {agreeing} of {total} objects: are both of {FULL}?"
        )


def reduce_pair(picture: NDArray[np.uint8], labels: LabelMap) -> tuple[NDArray[np.uint8], LabelMap]:
    """Picture (H, W, 3) and labels (H, W) with a short side of at most 512 px."""
    height, width = labels.shape
    short = min(height, width)
    if short <= SHORT_SIDE:
        return picture, labels
    size = (
        (round(width / height * SHORT_SIDE), SHORT_SIDE)
        if height <= width
        else (SHORT_SIDE, round(height / width * SHORT_SIDE))
    )
    return (
        cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR),
        cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST),
    )


def read_object_names(path: Path) -> list[str]:
    """Names of all objects, in the order of their numbers, of `index_ade20k.pkl`.

    Only arrays and plain values are read from the file: a pickle can hold any code.

    Raises:
        DataTreeError: it is broken, holds something else, or has no names.
    """
    try:
        with path.open("rb") as stream:
            index = _ArraysOnly(stream).load()
        return [str(name) for name in index["objectnames"]]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise DataTreeError(f"{path} cannot be read ({error!r}); get {FULL} again") from None


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in SAFE_MODULES and name in SAFE_NAMES:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):  # bytes of an array, as old pickles have them
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in an index")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
