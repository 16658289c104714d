"""`ovsam check_data`: what is wrong in your annotations, pictures and label maps, before you train.

    ovsam check_data data/my_objects/annotations/train.json data/my_objects/images --report report.json
    ovsam check_data --label-maps data/my_label_maps/labels/train --num-classes 12

Lists what is refused, with the annotation ids, and what is read but looks wrong: boxes that do not touch
their masks, annotations and pictures that occur twice, categories without an annotation. Pictures and
label maps are decoded by several processes. The exit code is 1 where something is refused, which a
training with on_error='skip' leaves out. docs/files.md has all that is read and all that is refused.
"""

from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import natural_int


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("annotations", nargs="?", type=Path, help="annotation file of COCO's format")
    add("images", nargs="?", type=Path, help="folder of its pictures; each is decoded")
    add("--names", nargs="+", metavar="NAME", help="your class names (default: the file's)")
    add("--boxes-only", action="store_true", help="annotations need no masks")
    add("--merge-categories", action="store_true", help="one of each name")
    add("--label-maps", type=Path, metavar="FOLDER", help="PNG files of classes")
    add("--num-classes", type=int, metavar="N", help="of the label maps: 0 to N - 1")
    add("--ignore-value", type=int, default=255, metavar="V", help="of unknown pixels (default: 255)")
    add("--workers", type=natural_int, metavar="N", help="processes (default: one per core, at most 16)")
    add("--report", type=Path, metavar="FILE.json", help="write all that was found as JSON")
    add("--limit", type=natural_int, default=20, metavar="N", help="ids named of each problem")
