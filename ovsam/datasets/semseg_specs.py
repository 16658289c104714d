"""The table of data sets with label maps: where their files lie, what their values mean.

One row is one split. How the files are made of the official archives is in `preparation`, by the
command that `prepare` names. Sources of the conversions: the data pages of MaskFormer, SAN and CAT-Seg,
whose numbers those of CAT-Seg and ESC-Net compare with.
"""

from dataclasses import dataclass

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary

BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True)
class SemsegSpec:
    """One data set with label maps.

    Attributes:
        name: what configs call it.
        title: what papers and tables call it.
        vocabulary: name of the classes that a model is asked for, in the order of the labels.
        root: its folder.
        images, labels: folders below `root`.
        image_suffix: of the image files; label files are PNG with the same stem.
        ignore_index: value of a label map where nothing is known.
        bits: of the values of the label files, 8 or 16.
        num_images: of the whole split.
        prepare: argument of `tools/prepare_data.py` that makes the label files.
        background: label of all that is none of the classes before it; classes of the vocabulary from
            this number on are only prompts for it, and predictions of them count as this label.
        occlusion: annotation file below `root` with `visible_fraction` of every object, where known.
    """

    name: str
    title: str
    vocabulary: str
    root: str
    images: str
    labels: str
    image_suffix: str = ".jpg"
    ignore_index: int = 255
    bits: int = 8
    num_images: int
    prepare: str
    background: int | None = None
    occlusion: str | None = None

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
    SemsegSpec(
        name="coco_stuff_train",
        title="COCO-Stuff train",
        vocabulary="coco_stuff_171",
        root="data/coco",
        images="train2017",
        labels="stuff171/train2017",
        num_images=118_287,
        prepare="coco_stuff",
    ),
    SemsegSpec(
        name="coco_stuff_val",
        title="COCO-Stuff val",
        vocabulary="coco_stuff_171",
        root="data/coco",
        images="val2017",
        labels="stuff171/val2017",
        num_images=5_000,
        prepare="coco_stuff --splits val",
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
            name=f"coco_panoptic_{split}",
            title=f"COCO panoptic {split}",
            vocabulary="coco_panoptic_133",
            root="data/coco",
            images=f"{split}2017",
            labels=f"panoptic133/{split}2017",
            num_images=num_images,
            prepare=f"coco_panoptic --splits {split}",
        )
        for split, num_images in (("train", 118_287), ("val", 5_000))
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
