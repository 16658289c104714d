"""`ovsam prepare_data`: make or check the data sets under data/ (see data/README.md)."""

import os
from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import positive_int

WORKERS = min(os.cpu_count() or 1, 8)
#: Data set with label maps -> a line of help, and its default folder.
LABEL_MAPS = {
    "coco_stuff": ("COCO-Stuff, 171 classes", "data/coco"),
    "coco_panoptic": ("COCO panoptic, 133", "data/coco"),
    "ade150": ("A-150", "data/ade"),
    "ade847": ("A-847", "data/ade"),
    "pc59": ("PC-59", "data/VOCdevkit"),
    "pc459": ("PC-459", "data/VOCdevkit"),
    "voc": ("PAS-20 and PAS-20b", "data/VOCdevkit"),
}
#: Those whose splits can be made separately.
LABEL_MAPS_BY_SPLIT = ("coco_stuff", "coco_panoptic")
#: Pictures of each split of the drawn benchmark.
SHAPES = {"train": 3000, "val": 400, "test": 1000, "distill": 1200}


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command: one sub-command per data set."""
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")

    def add(name: str, help: str, root: str) -> ArgumentParser:
        added = datasets.add_parser(name, help=help, formatter_class=parser.formatter_class)
        added.add_argument("--root", type=Path, default=Path(root), help="its folder")
        added.add_argument(
            "--workers", type=positive_int, default=WORKERS, metavar="N", help="side by side"
        )
        return added

    shapes = add("shapes", "draw the embedded benchmark", "data/shapes")
    shapes.add_argument("--size", type=int, default=192, help="side of a picture, px")
    shapes.add_argument("--seed", type=int, default=0, help="of the world")
    for split, number in SHAPES.items():
        shapes.add_argument(
            f"--{split}", type=int, default=number, metavar="N", help=f"pictures of the {split} split"
        )
    _add_force(shapes, "a data set that is damaged or has other settings")
    shapes.add_argument(
        "--draw", type=Path, metavar="FILE.png", help="only draw a sheet of 48 train pictures"
    )
    about = "draw what joint training has beside shapes: boxes, image labels"
    sources = add("shapes_sources", about, "data/shapes_sources")
    sources.add_argument("--seed", type=int, default=0, help="of the world")
    _add_force(sources, "data that are damaged or have other settings")
    coco = add("coco", "check COCO 2017", "data/coco")
    lvis = add("lvis", "check LVIS v1, make its train file without rare classes", "data/lvis")
    lvis.add_argument("--images", type=Path, default=Path("data/coco"), help="folder of COCO 2017")
    _add_force(lvis, "a train file that is there")
    sa1b = add("sa1b", "check parts of SA-1B, make the index of a subset", "data/sa1b")
    sa1b.add_argument(
        "--parts", nargs="+", metavar="NAME", help="folders and tar files to use (default: all)"
    )
    sa1b.add_argument(
        "--list", type=Path, metavar="FILE", help="names of the parts, one a line, instead of --parts"
    )
    sa1b.add_argument("--name", default="subset", help="of the subset's files")
    _add_force(sa1b, "an index that is there")
    v3det = add("v3det", "check V3Det", "data/v3det")
    objects365 = add("objects365", "check Objects365 v2", "data/objects365")
    trees = [
        add("imagenet21k", "check ImageNet-21k: a folder or tar file per synset", "data/imagenet21k"),
        add("imagenet1k", "check ImageNet-1k, its training images", "data/imagenet1k/train"),
        add("folders", "check a folder or tar file per class", "data/folders"),
        add("image_list", "check images listed in a CSV file", "data/images"),
    ]
    _add_classes(*trees)
    for checked in (coco, lvis, sa1b, v3det, objects365, *trees):
        checked.add_argument(
            "--pictures",
            action="store_true",
            dest="with_pictures",
            help="decode every picture too (reads the whole set)",
        )
    label_maps = {
        name: add(name, f"label maps: {about}", root) for name, (about, root) in LABEL_MAPS.items()
    }
    for one in label_maps.values():
        one.add_argument(
            "--source", type=Path, help="the originals, if they are not in --root (see data/README.md)"
        )
        _add_force(one, "label maps that are there")
        one.add_argument(
            "--any-number", action="store_true", help="accept a part of the images, to try things"
        )
    for one in (coco, lvis, v3det, objects365, *(label_maps[name] for name in LABEL_MAPS_BY_SPLIT)):
        one.add_argument(
            "--splits",
            nargs="+",
            choices=("train", "val"),
            default=["train", "val"],
            help="what you need: val is enough for tests",
        )


def _add_classes(
    imagenet21k: ArgumentParser,
    imagenet1k: ArgumentParser,
    folders: ArgumentParser,
    image_list: ArgumentParser,
) -> None:
    """Options that say which classes a tree or a list of images has."""
    for tree, name in ((imagenet21k, "imagenet21k"), (imagenet1k, "imagenet1k"), (folders, "folders")):
        tree.add_argument(
            "--vocabulary", default=name, metavar="NAME", help="named list of classes, or `folders`"
        )
    image_list.add_argument("--vocabulary", required=True, metavar="NAME", help="named list of classes")
    image_list.add_argument(
        "--list", type=Path, required=True, metavar="FILE", help="CSV: image,class or image,label"
    )


def _add_force(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("--force", action="store_true", help=f"replace {what}")
