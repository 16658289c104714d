"""ADE20K: A-150 (the challenge's classes) and A-847 (the full annotation of 2021).

Sources: Zhou et al., Scene Parsing through ADE20K (CVPR 2017); A-847's 847 classes and its pictures of
512 px follow MaskFormer. See `semantic.PREPARATIONS` for the arguments.
"""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ovsam.datasets.label_maps import LabelMap, write_atomically
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.label_maps import ValueTable, require, stems_of, write_label_maps
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.datasets.tree import DataTreeError

CHALLENGE = "ADEChallengeData2016.zip (923 MB) from the ADE20K page of MIT"
FULL = "ADE20K_2021_17_01.zip (registration at the ADE20K page of MIT)"
SHORT_SIDE = 512
#: Share of the objects in the files next to the pictures whose number must agree with the index.
MIN_AGREEING = 0.9
#: What the index of ADE20K may hold apart from plain Python values: arrays.
SAFE_MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric")
SAFE_NAMES = ("_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer")


def prepare_ade150(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `labels150/validation`: values 1..150 become 0..149, 0 becomes 255.

    `source` is the folder `ADEChallengeData2016`; images are in `<root>/ADEChallengeData2016/images`.
    """
    spec = get_spec("a150")
    folder = (source or root / "ADEChallengeData2016") / "annotations" / "validation"
    table = ValueTable({value: value - 1 for value in range(1, 151)}, [0], spec)
    stems = stems_of(require(folder, CHALLENGE))
    return [write_label_maps(spec, root, stems, table.of_files(folder, CHALLENGE), options)]


def prepare_ade847(source: Path | None, root: Path, options: Options) -> list[str]:
    """Make `labels847/validation` (16 bits, 65,535 unknown) and `images847/validation`.

    `source` is the folder `ADE20K_2021_17_01`. Pictures with a short side above 512 px are reduced to
    that, bilinear, their labels nearest; all are written without loss. The archive's index gives the
    numbers of the 847 classes by name.
    """
    spec = get_spec("a847")
    source = require(source or root / "ADE20K_2021_17_01", FULL)
    names = read_object_names(require(source / "index_ade20k.pkl", FULL))
    folder = require(source / "images" / "ADE" / "validation", FULL)
    maps = {path.name.removesuffix("_seg.png"): path for path in folder.rglob("ADE_val_*_seg.png")}
    _check_numbers(names, [path.with_name(f"{stem}.json") for stem, path in sorted(maps.items())])
    table = full_table(names, spec)

    def convert(stem: str) -> LabelMap:
        path = maps[stem]
        picture, colours = (read_picture(p) for p in (path.with_name(f"{stem}.jpg"), path))
        labels = table[colours[..., 0].astype(np.int64) // 10 * 256 + colours[..., 1]]
        if picture.shape != colours.shape:
            raise DataTreeError(
                f"{path} has (h, w) = {labels.shape}, its picture {picture.shape[:2]};"
                f" download {FULL} again"
            )
        picture, labels = reduce_pair(picture, labels)
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        write_atomically(root / spec.images / f"{stem}.png", cv2.imencode(".png", bgr)[1].tobytes())
        return labels

    return [write_label_maps(spec, root, sorted(maps), convert, options, has_own_images=True)]


def full_table(names: Sequence[str], spec: SemsegSpec) -> NDArray[np.uint16]:
    """(26 * 256,) label of every number that `*_seg.png` can hold, 256 * (R / 10) + G.

    The number of an object is the place of its name, from 1; beyond the 847 the label is unknown.

    Raises:
        DataTreeError: a class is not among the names, or twice.
    """
    plain = [_plain(name) for name in names]
    wrong = [name for name in spec.class_names if plain.count(_plain(name)) != 1]
    if wrong:
        raise DataTreeError(
            f"the index of ADE20K names {len(wrong)} of the 847 classes never or twice, such as"
            f" {wrong[0]!r}: does it come from {FULL}?"
        )
    table = np.full(26 * 256, spec.ignore_index, np.uint16)  # R / 10 is below 26
    table[[plain.index(_plain(name)) + 1 for name in spec.class_names]] = range(spec.num_classes)
    return table


def _check_numbers(names: Sequence[str], files: Sequence[Path]) -> None:
    """DataTreeError where the index numbers objects differently than the files next to the pictures."""
    agreeing = total = 0
    for path in filter(Path.is_file, files[:200]):  # more would not change the answer
        content = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        for item in content.get("annotation", {}).get("object", []):
            number = item.get("name_ndx")
            if isinstance(number, int) and number > 0:
                total += 1
                agreeing += number <= len(names) and _plain(names[number - 1]) == _plain(item["name"])
    if agreeing < MIN_AGREEING * total:
        raise DataTreeError(
            f"the index of ADE20K and the files next to its pictures agree on the numbers of only"
            f" {agreeing} of {total} objects: do both come from {FULL}?"
        )


def reduce_pair(picture: NDArray[np.uint8], labels: LabelMap) -> tuple[NDArray[np.uint8], LabelMap]:
    """Picture (H, W, 3) and labels (H, W) with a short side of at most 512 px."""
    height, width = labels.shape
    short = min(height, width)
    if short <= SHORT_SIDE:
        return picture, labels
    size = round(width / short * SHORT_SIDE), round(height / short * SHORT_SIDE)
    return (
        cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR),
        cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST),
    )


def read_object_names(path: Path) -> list[str]:
    """Names of all objects, in the order of their numbers, of `index_ade20k.pkl`.

    Only arrays and plain values are read, because a pickle can hold any code; DataTreeError for others.
    """
    try:
        with path.open("rb") as stream:
            return [str(name) for name in _ArraysOnly(stream).load()["objectnames"]]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise DataTreeError(f"{path} cannot be read ({error!r}); download {FULL} again") from None


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        is_array = module in SAFE_MODULES and name in SAFE_NAMES
        if is_array or (module, name) == ("_codecs", "encode"):  # how old pickles store bytes
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in an index")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
