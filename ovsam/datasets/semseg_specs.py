"""The table of data sets with label maps: where their files are, what their values mean.

One row is one split. `preparation` makes the files from the official archives. Sources of the
conversions: the data pages of MaskFormer, SAN and CAT-Seg, with which the published numbers of CAT-Seg
and ESC-Net were made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ovsam.datasets.vocabularies import class_list, get_vocabulary
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
    vocabulary: str | Vocabulary  # what a model is asked for, or its name, in the order of the labels
    root: str  # its folder
    images: str  # folder below `root`
    labels: str  # folder below `root`, of PNG files with the stems of the images and `label_suffix`
    image_suffix: str = ".jpg"  # empty: any
    label_suffix: str = ".png"
    ignore_index: int = 255  # value of a label map where nothing is known
    bits: int = 8  # of the values of the label files, 8 or 16
    num_images: int | None = None  # of the whole split, where it is known
    prepare: str = ""  # argument of `tools/prepare_data.py` that makes the label files; empty: your own
    values: tuple[int, ...] = ()  # of each label in the files; empty: the label itself
    ignore_value: int | None = None  # where nothing is known, in files with `values`
    background: int | None = None
    occlusion: str | None = None  # annotation file below `root` with `visible_fraction` of objects

    @property
    def classes(self) -> Vocabulary:
        """What a model is asked for."""
        if isinstance(self.vocabulary, Vocabulary):
            return self.vocabulary
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
        """What makes its files, or mends your own."""
        if not self.prepare:
            return (
                "labels count from 0 in the order of `base` and `novel`: set `values` where your files"
                " count otherwise, `ignore_value` for unknown pixels (configs/custom/my_label_maps.py)"
            )
        return f"run `python tools/prepare_data.py {self.prepare}`"


_voc2010 = partial(SemsegSpec, root="data/VOCdevkit", images="VOC2010/JPEGImages", num_images=5_105)
_voc2012 = partial(SemsegSpec, root="data/VOCdevkit", images="VOC2012/JPEGImages", num_images=1_449)
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
    _voc2010(
        name="pc59",
        title="PC-59",
        vocabulary="pascal_context_59",
        labels="context59/val",
        prepare="pc59",
    ),
    _voc2010(
        name="pc459",
        title="PC-459",
        vocabulary="pascal_context_459",
        labels="context459/val",
        ignore_index=459,
        bits=16,
        prepare="pc459",
    ),
    _voc2012(name="pas20", title="PAS-20", vocabulary="voc_20", labels="voc20/val", prepare="voc"),
    _voc2012(
        name="pas20b",
        title="PAS-20b",
        vocabulary="voc_20b",
        labels="voc20b/val",
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


def label_maps(
    *,
    name: str,
    base: Sequence[str],
    novel: Sequence[str] = (),
    root: str,
    images: str,
    labels: str,
    label_suffix: str = ".png",
    ignore_value: int = 255,
    values: Sequence[int] = (),
) -> SemsegSpec:
    """Label maps of one's own, written out in a config.

    Args:
        name: what results call them.
        base: names that are trained on.
        novel: names that are only tested.
        root: folder of the data set.
        images, labels: folders below `root`; a picture has the stem of its label map, and any ending.
        label_suffix: how the label files end, such as `_mask.png`.
        ignore_value: value in the files where nothing is known.
        values: value in the files of each name, base first; if left out, 0, 1, 2, ...

    Raises:
        ValueError: no names, another number of values, a value of no 16 bits, or unknown pixels with
            the value of a class.
    """
    classes = class_list(name=name, base=base, novel=novel)
    if values and not len(set(values)) == len(values) == len(classes):
        raise ValueError(f"values must be {len(classes)}, one for each name, got {list(values)}")
    if not all(isinstance(value, int) and 0 <= value < 1 << 16 for value in (*values, ignore_value)):
        raise ValueError(
            f"values and ignore_value must be whole numbers 0..65535, got {list(values)}, {ignore_value}"
        )
    if not values and ignore_value < len(classes):
        raise ValueError(
            f"ignore_value {ignore_value} is the label of {classes.names[ignore_value]!r}: set `values`"
            " where your files count otherwise, or another ignore_value"
        )
    ignore_index = ignore_value if ignore_value >= len(classes) else 65_535
    return SemsegSpec(
        name=name,
        title=name,
        vocabulary=classes,
        root=root,
        images=images,
        labels=labels,
        image_suffix="",
        label_suffix=label_suffix,
        ignore_index=ignore_index,
        ignore_value=ignore_value,
        bits=8 if max(ignore_value, len(classes) - 1, *values) <= 255 else 16,
        values=tuple(values),
    )


def get_spec(name: str | Mapping[str, Any]) -> SemsegSpec:
    """A row of the table, or what a config of `label_maps` describes; ValueError where there is none."""
    if isinstance(name, Mapping):
        return label_maps(**{key: value for key, value in name.items() if key != "type"})
    if name not in SPECS:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(SPECS)}")
    return SPECS[name]
