"""The data sets with label maps that `prepare_data` makes, by the command's argument."""

from collections.abc import Callable
from typing import NamedTuple

from ovsam.datasets.preparation.ade import prepare_ade150, prepare_ade847
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic, prepare_coco_stuff
from ovsam.datasets.preparation.pascal import prepare_pc59, prepare_pc459, prepare_voc


class Preparation(NamedTuple):
    """One data set.

    Attributes:
        about: a line of help.
        root: its default folder.
        prepare: called with `source` (path of the originals; None = where they unpack below `root`),
            `root` (folder to write to), `options` (`checks.Options`) and, with `has_splits`, `splits`.
            Returns lines that say what is there now. Raises DataTreeError where something is missing or
            wrong, and says how to fix it.
        has_splits: whether `train` and `val` can be made separately.
    """

    about: str
    root: str
    prepare: Callable[..., list[str]]
    has_splits: bool = False


PREPARATIONS = {
    "coco_stuff": Preparation("COCO-Stuff, 171 classes", "data/coco", prepare_coco_stuff, True),
    "coco_panoptic": Preparation("COCO panoptic, 133", "data/coco", prepare_coco_panoptic, True),
    "ade150": Preparation("A-150", "data/ade", prepare_ade150),
    "ade847": Preparation("A-847", "data/ade", prepare_ade847),
    "pc59": Preparation("PC-59", "data/VOCdevkit", prepare_pc59),
    "pc459": Preparation("PC-459", "data/VOCdevkit", prepare_pc459),
    "voc": Preparation("PAS-20 and PAS-20b", "data/VOCdevkit", prepare_voc),
}
