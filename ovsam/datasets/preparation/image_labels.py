"""Checks pictures with one class each: trees of ImageNet, your own folders of classes, CSV lists."""

from collections.abc import Callable
from pathlib import Path

from ovsam.datasets.image_folders import FOLDERS, folder_vocabulary, labels_of_parts
from ovsam.datasets.image_index import ImageIndex, Stretch, find_parts, list_images
from ovsam.datasets.image_list import read_image_list
from ovsam.datasets.imagenet_names import SYNSET_FILES
from ovsam.datasets.preparation.checks import (
    Options,
    Picture,
    Source,
    TreeReport,
    check_pictures,
    listed,
)
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

SOURCE = Source("ImageNet", "138 GB for 1,000 classes, 1.1 TB for all", "https://image-net.org/download")
#: What the user must know about the sizes that the paper gives.
PUBLISHED_SIZE = (
    "names come from timm, which lists 21,843, 21,841, 11,221 and 10,450 synsets and not the paper's"
    " 19,167: published sizes that contain it cannot be verified without the folders of that release"
)


def check_class_folders(root: Path, options: Options, vocabulary: str = FOLDERS) -> TreeReport:
    """Check a tree with a folder or a tar file per class; changes nothing.

    `vocabulary` is the name of the class list that the folders belong to, or `folders`.
    """
    report = TreeReport()
    is_imagenet = vocabulary in SYNSET_FILES
    try:
        parts = find_parts(root)
        classes = folder_vocabulary(root) if vocabulary == FOLDERS else get_vocabulary(vocabulary)
        labels, others = labels_of_parts(parts, classes)
    except FileNotFoundError as error:
        report.missing.append(f"{error}" + (f": {SOURCE}" if is_imagenet else ""))
        return report
    except ValueError as error:
        report.broken.append(str(error))
        return report
    indexes = _list(report, root, list(labels), options)
    _describe(report, root, classes, labels, indexes)
    if is_imagenet:
        report.found.append(f"  {PUBLISHED_SIZE}")
    if others:
        report.broken.append(
            f"{root}: {len(others):,} folders or tar files are no class of {classes.name!r}:"
            f" {listed(others)}"
        )
    if options.with_pictures:
        pictures = [_picture(index[i]) for index in indexes for i in range(len(index))]
        check_pictures(report, str(root), pictures, options)
    return report


def check_image_list(path: Path, folder: Path, options: Options, vocabulary: str) -> TreeReport:
    """Check a CSV file of pictures and classes, see `ImageList`; changes nothing."""
    report, classes = TreeReport(), get_vocabulary(vocabulary)
    try:
        rows = read_image_list(path, classes)
    except FileNotFoundError:
        report.missing.append(f"{path}: the list of the images")
        return report
    except ValueError as error:
        report.broken.append(str(error))
        return report
    absent = [name for name in rows if not (folder / name).is_file()]
    unknown = sum(label < 0 for label in rows.values())
    report.found.append(
        f"{path}: {len(rows):,} images of {len(set(rows.values()) - {-1}):,} of {len(classes):,}"
        f" classes, {unknown:,} of no known class"
    )
    if absent:
        report.missing.append(f"{folder}: {len(absent):,} of the images in {path}: {listed(absent)}")
    if options.with_pictures:
        gone = set(absent)
        pictures = [_picture(Stretch(str(folder / name), name)) for name in rows if name not in gone]
        check_pictures(report, str(path), pictures, options)
    return report


def _list(report: TreeReport, root: Path, parts: list[str], options: Options) -> list[ImageIndex]:
    """An index of each part; a broken one is reported, and the others go on."""
    found = []
    for done, part in enumerate(parts, start=1):
        try:
            found.append(list_images(root, [part]))
        except (OSError, ValueError) as error:
            report.broken.append(str(error))
        options.progress(done, len(parts))
    return found


def _describe(
    report: TreeReport,
    root: Path,
    classes: Vocabulary,
    labels: dict[str, int],
    indexes: list[ImageIndex],
) -> None:
    total = sum(map(len, indexes))
    report.found.append(
        f"{root}: {total:,} images in the folders or tar files of {len(labels):,} of {len(classes):,}"
        " classes"
    )
    found = set(labels.values())
    missing = [name for label, name in enumerate(classes.names) if label not in found]
    if missing:
        report.found.append(f"  without a folder: {len(missing):,} classes ({listed(missing)})")
    without = [index.parts[0] for index in indexes if not len(index)]
    if without:
        report.broken.append(f"{root}: no picture in {len(without):,} of them: {listed(without)}")
    empty = sum(index.num_empty for index in indexes)
    if empty:
        report.broken.append(f"{root}: {empty:,} empty files, which the reader leaves out")


def _picture(place: Stretch) -> Picture:
    read: Callable[[], bytes] = place.read
    return Picture(place.shown, read, lambda: None)
