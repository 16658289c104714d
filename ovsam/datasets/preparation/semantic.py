"""The data sets with label maps that `prepare_data` makes, by the command's argument."""

from collections.abc import Callable
from dataclasses import dataclass

from ovsam.datasets.preparation.ade import prepare_ade150, prepare_ade847
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic, prepare_coco_stuff
from ovsam.datasets.preparation.pascal import prepare_pc59, prepare_pc459
from ovsam.datasets.preparation.voc import prepare_voc


@dataclass(frozen=True)
class Preparation:
    """One data set.

    Attributes:
        about: a line of help.
        root: its folder, unless another is given.
        prepare: called with (source or None, root, Options), and `splits` where it has some.
        has_splits: whether `train` and `val` can be asked for apart.
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
