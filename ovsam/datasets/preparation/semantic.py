"""The data sets with label maps that `prepare_data` makes, by the command's argument."""

from ovsam.datasets.preparation.ade import prepare_ade150, prepare_ade847
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic, prepare_coco_stuff
from ovsam.datasets.preparation.pascal import prepare_pc59, prepare_pc459, prepare_voc

#: A preparation is called with `source` (path of the originals; None = where they unpack below `root`),
#: `root` (folder to write to), `options` (`checks.Options`) and, where `train` and `val` can be made
#: separately, `splits`. It returns lines that say what is there now, and raises DataTreeError where
#: something is missing or wrong, with how to mend it.
PREPARATIONS = {
    "coco_stuff": prepare_coco_stuff,
    "coco_panoptic": prepare_coco_panoptic,
    "ade150": prepare_ade150,
    "ade847": prepare_ade847,
    "pc59": prepare_pc59,
    "pc459": prepare_pc459,
    "voc": prepare_voc,
}
