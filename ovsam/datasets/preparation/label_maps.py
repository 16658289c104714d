"""Writes the label maps of one split and checks every file; the originals stay as they are.

A folder of label maps has a manifest `dataset.json`, written first with `is_complete` false and last
with it true. Each map takes its name only when it is whole, so the next run after a killed one goes on
at the first missing map.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ovsam.datasets.label_maps import (
    LabelMap,
    check_values,
    read_label_map,
    write_atomically,
    write_label_map,
)
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.semseg_specs import SemsegSpec
from ovsam.datasets.tree import MANIFEST, DataTreeError, read_manifest

#: Raise it when the written files change; a folder of another version needs `force`.
VERSION = 1


class ValueTable:
    """Converts an original's values to labels of `spec`; `ignored` values mean unknown."""

    def __init__(self, labels: Mapping[int, int], ignored: Sequence[int], spec: SemsegSpec) -> None:
        self._table = np.full(max(*labels, *ignored) + 1, -1, np.int64)
        self._table[list(ignored)] = spec.ignore_index
        self._table[list(labels)] = list(labels.values())
        self._known = f"{min(labels)}..{max(labels)} ({len(labels)} classes)"
        self._ignored = ", ".join(map(str, ignored))
        self._dtype = np.uint16 if spec.bits == 16 else np.uint8

    def __call__(self, values: NDArray[np.integer], path: Path) -> LabelMap:
        """(H, W) values of the file `path` -> (H, W) labels; DataTreeError where one is neither."""
        values = values.astype(np.int64)
        labels = self._table[np.clip(values, 0, len(self._table) - 1)]
        wrong = (values < 0) | (values >= len(self._table)) | (labels < 0)
        if wrong.any():
            raise DataTreeError(
                f"{path} has the value {int(values[wrong][0])}, expected {self._known} or"
                f" {self._ignored} (unknown): is it the original file of this data set?"
            )
        return labels.astype(self._dtype)

    def of_files(self, folder: Path, archive: str) -> Callable[[str], LabelMap]:
        """A function from a stem to the labels of `<folder>/<stem>.png`, which came in `archive`."""

        def convert(stem: str) -> LabelMap:
            path = folder / f"{stem}.png"
            return self(read_original(path, archive), path)

        return convert


def write_label_maps(
    spec: SemsegSpec,
    root: Path,
    stems: Sequence[str],
    convert: Callable[[str], LabelMap],
    options: Options,
    *,
    has_own_images: bool = False,
) -> str:
    """Write every map of a split that is not there yet; say what is there now.

    Args:
        root: folder of the data set.
        stems: names of the maps of the split `spec`.
        convert: name -> (H, W) labels.
        options: `workers`, `force`, `any_number` and `progress` count.
        has_own_images: `convert` writes the image first; otherwise all images must be there already.

    Raises:
        DataTreeError: the number of images is wrong, an image has no file, a value has no label, or
            the folder holds something else.
    """
    folder, plan = root / spec.labels, {"version": VERSION, "spec": spec.name}
    if len(set(stems)) != len(stems):
        raise DataTreeError(f"{spec.title}: an image is listed twice; download the archive again")
    if len(stems) != spec.num_images and not (options.any_number and stems):
        raise DataTreeError(
            f"{spec.title} has {spec.num_images:,} images, found {len(stems):,}: unpack the whole"
            " archive, or give --any-number to use a part (results will not compare with published ones)"
        )
    if not has_own_images:
        _check_images(spec, root, stems)
    done = _prepared(folder, plan, stems, options.force)
    if not (done.issuperset(stems) and (read_manifest(folder) or {}).get("is_complete")):
        _write_manifest(folder, {"name": spec.name, "plan": plan, "is_complete": False})
    occurs = np.zeros(spec.num_classes, np.int64)

    def one(stem: str) -> NDArray[np.int64]:
        path = folder / f"{stem}.png"
        if stem in done:
            labels = read_label_map(path, bits=spec.bits, hint="give --force to write it again")
        else:
            labels = convert(stem)
        check_values(labels, num_classes=spec.num_classes, ignore_index=spec.ignore_index, name=path)
        if stem not in done:
            write_label_map(path, labels)
        known = labels[labels != spec.ignore_index].astype(np.int64)
        return np.bincount(known, minlength=spec.num_classes)

    with ThreadPoolExecutor(options.workers) as pool:
        for number, counts in enumerate(pool.map(one, stems), start=1):
            occurs += counts > 0
            options.progress(number, len(stems))
    if has_own_images:
        _check_images(spec, root, stems)
    manifest = dict(
        name=spec.name,
        plan=plan,
        is_complete=True,
        num_images=len(stems),
        images_with_class=dict(zip(spec.class_names, occurs.tolist(), strict=True)),
    )
    if read_manifest(folder) != manifest:
        _write_manifest(folder, manifest)
    were_there = f", {len(done):,} of them were there" if done else ""
    return (
        f"{folder}: {len(stems):,} label maps{were_there}; {int((occurs > 0).sum())} of"
        f" {spec.num_classes} classes occur"
    )


def read_original(path: Path, archive: str) -> NDArray[np.uint8]:
    """(H, W) grey values of an original PNG, or its indices into a palette; DataTreeError for others."""
    try:
        with Image.open(require(path, archive)) as picture:
            if picture.mode not in ("P", "L"):
                raise DataTreeError(f"{path} has the mode {picture.mode}, expected grey or a palette")
            return np.asarray(picture)
    except OSError as error:
        raise DataTreeError(f"{path} is broken ({error}); download {archive} again") from None


def require(path: Path, archive: str) -> Path:
    """`path`; if it is missing, DataTreeError with the archive that has it."""
    if not path.exists():
        raise DataTreeError(f"{path} does not exist; it is in {archive}")
    return path


def stems_of(folder: Path) -> list[str]:
    """Names of the PNG files of a folder, sorted, without their suffix."""
    return sorted(path.stem for path in folder.glob("*.png"))


def read_list(path: Path, archive: str) -> list[str]:
    """The first word of every line of a list of images; DataTreeError if it is missing or empty."""
    stems = [line.split()[0] for line in require(path, archive).read_text().splitlines() if line.strip()]
    if not stems:
        raise DataTreeError(f"{path} is empty; get it again from {archive}")
    return stems


def _prepared(folder: Path, plan: Mapping[str, Any], stems: Sequence[str], force: bool) -> set[str]:
    """Names of the maps that need not be written."""
    found = set(stems_of(folder))
    if force:
        for stem in found:
            (folder / f"{stem}.png").unlink()
        return set()
    if not found:
        return set()
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataTreeError(
            f"{folder} holds pictures but no {MANIFEST}, so this command did not write them; remove them"
            " or give --force to replace them"
        )
    if manifest.get("plan") != plan:
        raise DataTreeError(
            f"{folder} holds label maps of {manifest.get('plan')}, expected {plan}; give --force to"
            " replace them"
        )
    strangers = sorted(found - set(stems))
    if strangers:
        raise DataTreeError(
            f"{folder} holds {len(strangers)} label maps of images that the archive lacks, such as"
            f" {strangers[0]}.png; give --force to replace all"
        )
    return found


def _check_images(spec: SemsegSpec, root: Path, stems: Sequence[str]) -> None:
    folder = root / spec.images
    found = {path.stem for path in folder.glob(f"*{spec.image_suffix}")}
    missing = [stem for stem in stems if stem not in found]
    if missing:
        raise DataTreeError(
            f"{len(missing):,} of {len(stems):,} images are missing in {folder}, such as"
            f" {missing[0]}{spec.image_suffix}; see data/README.md for the expected tree"
        )


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    write_atomically(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
