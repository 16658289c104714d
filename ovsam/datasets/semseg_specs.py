"""The table of data sets with label maps: where their files are, what their values mean.

One row is one split. `preparation` makes the files from the official archives. Sources of the
conversions: the data pages of MaskFormer, SAN and CAT-Seg, with which the published numbers of CAT-Seg
and ESC-Net were made.
"""

from dataclasses import dataclass

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True)
class SemsegSpec:
    """One data set with label maps.

    With a `background`, all that is none of the classes before it has that label. Classes of the
    vocabulary from this number on are only prompts for it: a prediction of them counts as this label.
    """

    name: str  # what configs call it
    title: str  # what papers and tables call it
    vocabulary: str  # name of the classes that a model is asked for, in the order of the labels
    root: str  # its folder
    images: str  # folder below `root`
    labels: str  # folder below `root`, of PNG files with the stems of the images
    image_suffix: str = ".jpg"
    ignore_index: int = 255  # value of a label map where nothing is known
    bits: int = 8  # of the values of the label files, 8 or 16
    num_images: int  # of the whole split
    prepare: str  # argument of `tools/prepare_data.py` that makes the label files
    background: int | None = None
    occlusion: str | None = None  # annotation file below `root` with `visible_fraction` of objects

    @property
    def classes(self) -> Vocabulary:
        """What a model is asked for."""
        return get_vocabulary(self.vocabulary)

    @property
    def class_names(self) -> list[str]:
        """Name of each evaluated label."""
        names = self.classes.names
        return names if self.background is None else [*names[: self.background], BACKGROUND]

    @property
    def num_classes(self) -> int:
        """Number of evaluated labels."""
        return len(self.classes) if self.background is None else self.background + 1

    @property
    def hint(self) -> str:
        """What makes its files."""
        return f"run `python tools/prepare_data.py {self.prepare}`"


_SPECS = (
    *(
        SemsegSpec(
            name=f"{name}_{split}",
            title=f"{title} {split}",
            vocabulary=f"{name}_{num_classes}",
            root="data/coco",
            images=f"{split}2017",
            labels=f"{name.removeprefix('coco_')}{num_classes}/{split}2017",
            num_images=num_images,
            prepare=f"{name}{option}",
        )
        for name, title, num_classes in (
            ("coco_stuff", "COCO-Stuff", 171),
            ("coco_panoptic", "COCO panoptic", 133),
        )
        for split, num_images, option in (("train", 118_287, ""), ("val", 5_000, " --splits val"))
    ),
    SemsegSpec(
        name="a150",
        title="A-150",
        vocabulary="ade20k_150",
        root="data/ade",
        images="ADEChallengeData2016/images/validation",
        labels="labels150/validation",
        num_images=2_000,
        prepare="ade150",
    ),
    SemsegSpec(
        name="a847",
        title="A-847",
        vocabulary="ade20k_847",
        root="data/ade",
        images="images847/validation",
        labels="labels847/validation",
        image_suffix=".png",
        ignore_index=65_535,
        bits=16,
        num_images=2_000,
        prepare="ade847",
    ),
    SemsegSpec(
        name="pc59",
        title="PC-59",
        vocabulary="pascal_context_59",
        root="data/VOCdevkit",
        images="VOC2010/JPEGImages",
        labels="context59/val",
        num_images=5_105,
        prepare="pc59",
    ),
    SemsegSpec(
        name="pc459",
        title="PC-459",
        vocabulary="pascal_context_459",
        root="data/VOCdevkit",
        images="VOC2010/JPEGImages",
        labels="context459/val",
        ignore_index=459,
        bits=16,
        num_images=5_105,
        prepare="pc459",
    ),
    SemsegSpec(
        name="pas20",
        title="PAS-20",
        vocabulary="voc_20",
        root="data/VOCdevkit",
        images="VOC2012/JPEGImages",
        labels="voc20/val",
        num_images=1_449,
        prepare="voc",
    ),
    SemsegSpec(
        name="pas20b",
        title="PAS-20b",
        vocabulary="voc_20b",
        root="data/VOCdevkit",
        images="VOC2012/JPEGImages",
        labels="voc20b/val",
        num_images=1_449,
        prepare="voc",
        background=20,
    ),
    *(
        SemsegSpec(
            name=f"shapes_{split}",
            title=f"shapes {split}",
            vocabulary="shapes",
            root="data/shapes",
            images=f"images/{split}",
            labels=f"semantic/{split}",
            image_suffix=".png",
            num_images=num_images,
            prepare="shapes",
            occlusion=f"annotations/instances_{split}.json",
        )
        for split, num_images in (("train", 4_000), ("val", 500), ("test", 1_000))
    ),
)
SPECS = {spec.name: spec for spec in _SPECS}
#: The sets that the papers evaluate on, in the order of their tables.
EVALUATION_SETS = ("a847", "pc459", "a150", "pc59", "pas20", "pas20b")


def get_spec(name: str) -> SemsegSpec:
    """A row of the table; ValueError where there is no such data set."""
    if name not in SPECS:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(SPECS)}")
    return SPECS[name]
