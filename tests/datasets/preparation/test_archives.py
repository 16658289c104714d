"""Each official layout, small and by hand: right labels, clear errors."""

import json
import pickle
import shutil

import cv2
import numpy as np
import pytest
import scipy.io
from PIL import Image

from ovsam.datasets.label_maps import read_label_map, write_label_map
from ovsam.datasets.preparation.ade import (
    full_table,
    prepare_ade150,
    prepare_ade847,
    read_object_names,
    reduce_pair,
)
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic, prepare_coco_stuff
from ovsam.datasets.preparation.pascal import prepare_pc59, prepare_pc459, prepare_voc
from ovsam.datasets.preparation.semantic import PREPARATIONS
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import SPECS, get_spec
from ovsam.datasets.tree import DataTreeError
from ovsam.datasets.vocabularies import get_vocabulary

PART = Options(any_number=True)


def picture(path, height=4, width=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))


def test_every_data_set_of_the_table_has_a_preparation():
    arguments = {spec.prepare.split()[0] for spec in SPECS.values()} - {"shapes"}
    assert arguments == set(PREPARATIONS)


def test_coco_stuff(tmp_path):
    picture(tmp_path / "val2017" / "000000000007.jpg")
    source = tmp_path / "stuffthingmaps" / "val2017" / "000000000007.png"
    values = np.array([[0, 10, 12, 89], [91, 181, 255, 11]], np.uint8)
    write_label_map(source, values)
    before = source.read_bytes()
    prepare_coco_stuff(None, tmp_path, PART, splits=["val"])
    labels = read_label_map(tmp_path / "stuff171" / "val2017" / "000000000007.png")
    assert labels.tolist() == [[0, 10, 11, 79], [80, 170, 255, 255]]
    assert source.read_bytes() == before
    values[0, 0] = 200
    write_label_map(source, values)
    with pytest.raises(DataTreeError, match=r"7\.png has the value 200"):
        prepare_coco_stuff(None, tmp_path, Options(any_number=True, force=True), splits=["val"])


def test_ade150(tmp_path):
    picture(tmp_path / "ADEChallengeData2016/images/validation/ADE_val_00000001.jpg")
    source = tmp_path / "ADEChallengeData2016/annotations/validation/ADE_val_00000001.png"
    write_label_map(source, np.array([[0, 1, 150]], np.uint8))
    prepare_ade150(None, tmp_path, PART)
    labels = read_label_map(tmp_path / "labels150/validation/ADE_val_00000001.png")
    assert labels.tolist() == [[255, 0, 149]]
    write_label_map(source, np.array([[0, 1, 151]], np.uint8))
    with pytest.raises(DataTreeError, match="the value 151"):
        prepare_ade150(None, tmp_path, Options(any_number=True, force=True))


@pytest.fixture
def ade847(tmp_path):
    """An archive with an index of 3 objects more, and one picture of 600 x 700 px."""
    source = tmp_path / "ADE20K_2021_17_01"
    folder = source / "images/ADE/validation/urban/street"
    names = sorted(["-", "zzz", "yyy", *get_vocabulary("ade20k_847").names])
    source.mkdir()
    index = {"objectnames": names, "objectPresence": np.zeros((3, 2))}
    (source / "index_ade20k.pkl").write_bytes(pickle.dumps(index))
    picture(folder / "ADE_val_00000002.jpg", 600, 700)
    numbers = np.zeros((600, 700), np.int64)
    wall, sky = names.index("wall") + 1, names.index("sky") + 1
    numbers[:300], numbers[300:500, :350] = wall, sky
    numbers[300:500, 350:] = names.index("zzz") + 1
    colours = np.stack([numbers // 256 * 10 + 3, numbers % 256, numbers % 7], axis=-1)
    Image.fromarray(colours.astype(np.uint8)).save(folder / "ADE_val_00000002_seg.png")
    objects = [{"name": "wall", "name_ndx": wall}, {"name": "sky", "name_ndx": sky}]
    (folder / "ADE_val_00000002.json").write_text(json.dumps({"annotation": {"object": objects}}))
    return tmp_path


def test_ade847(ade847):
    prepare_ade847(None, ade847, PART)
    labels = read_label_map(ade847 / "labels847/validation/ADE_val_00000002.png", bits=16)
    assert labels.shape == (512, 597)
    assert cv2.imread(str(ade847 / "images847/validation/ADE_val_00000002.png")).shape[:2] == (512, 597)
    vocabulary = get_vocabulary("ade20k_847").names
    assert labels[0, 0] == vocabulary.index("wall")
    assert labels[300, 5] == vocabulary.index("sky")
    assert labels[300, 590] == labels[511, 0] == 65_535
    assert len(SemsegDataset(spec="a847", data_root=str(ade847))) == 1


def test_ade847_index_that_counts_from_another_number(ade847):
    path = ade847 / "ADE20K_2021_17_01/images/ADE/validation/urban/street/ADE_val_00000002.json"
    content = json.loads(path.read_text())
    for item in content["annotation"]["object"]:
        item["name_ndx"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(DataTreeError, match="agree on the numbers of only 0 of 2 objects"):
        prepare_ade847(None, ade847, PART)


def test_ade847_index_that_lacks_a_class(ade847):
    path = ade847 / "ADE20K_2021_17_01/index_ade20k.pkl"
    names = ["-" if name == "sky" else name for name in read_object_names(path)]
    path.write_bytes(pickle.dumps({"objectnames": names}))
    shutil.rmtree(ade847 / "ADE20K_2021_17_01/images/ADE/validation/urban")
    (ade847 / "ADE20K_2021_17_01/images/ADE/validation").mkdir(exist_ok=True)
    with pytest.raises(DataTreeError, match="1 of the 847 classes never or twice, such as 'sky'"):
        prepare_ade847(None, ade847, PART)


class _Evil:
    def __reduce__(self):
        return print, ("ran",)


def test_index_cannot_run_code(tmp_path, capsys):
    path = tmp_path / "index_ade20k.pkl"
    path.write_bytes(pickle.dumps({"objectnames": ["a"], "more": _Evil()}))
    with pytest.raises(DataTreeError, match=r"builtins\.print is not allowed"):
        read_object_names(path)
    assert capsys.readouterr().out == ""


def test_small_pictures_stay_and_numbers_reach_the_table_s_end():
    image, labels = np.zeros((512, 900, 3), np.uint8), np.zeros((512, 900), np.uint16)
    assert reduce_pair(image, labels)[0] is image
    spec = get_spec("a847")
    table = full_table(["-"] * 3687 + list(spec.class_names), spec)
    assert table[[0, 3687, 3688, 25 * 256 + 255]].tolist() == [65_535, 65_535, 0, 65_535]


def test_voc_sample(shared, tmp_path):
    """A real picture of VOC, in the layout of the archive, through the real reader."""
    data = np.load(shared / "data" / "voc_sample" / "data.npz")
    values = np.zeros(data["masks"].shape[1:], np.uint8)
    for mask, label in zip(data["masks"], data["labels"], strict=True):
        values[mask] = label
    values[:3] = 255
    source = tmp_path / "VOC2012"
    for folder in ("SegmentationClass", "JPEGImages", "ImageSets/Segmentation"):
        (source / folder).mkdir(parents=True)
    shutil.copy(shared / "data" / "voc_sample" / "rgb.jpg", source / "JPEGImages" / "2011_000006.jpg")
    palette = Image.fromarray(values).convert("P")
    palette.putpalette(list(range(256)) * 3)
    palette.save(source / "SegmentationClass" / "2011_000006.png")
    (source / "ImageSets/Segmentation/val.txt").write_text("2011_000006\n")
    prepare_voc(None, tmp_path, PART)
    maps = {name: tmp_path / get_spec(name).labels / "2011_000006.png" for name in ("pas20", "pas20b")}
    plain, with_background = (read_label_map(path) for path in maps.values())
    assert set(np.unique(plain)) == {*(np.unique(data["labels"]) - 1).tolist(), 255}
    assert (plain[values == 15] == get_vocabulary("voc_20").names.index("person")).all()
    assert ((with_background == 20) == (values == 0)).all()
    assert (with_background[:3] == 255).all()
    entry = SemsegDataset(spec="pas20b", data_root=str(tmp_path))[0]
    assert entry["label_path"] == str(maps["pas20b"])


def test_pc459(tmp_path):
    picture(tmp_path / "VOC2010/JPEGImages/2008_000002.jpg")
    lists = tmp_path / "VOC2010/ImageSets/Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("2008_000002\n")
    (tmp_path / "VOC2010/trainval").mkdir()
    path = tmp_path / "VOC2010/trainval/2008_000002.mat"
    scipy.io.savemat(path, {"LabelMap": np.array([[1, 459, 0], [300, 460, 2]], np.uint16)})
    prepare_pc459(None, tmp_path, PART)
    labels = read_label_map(tmp_path / "context459/val/2008_000002.png", bits=16)
    assert labels.tolist() == [[0, 458, 459], [299, 459, 1]]
    path.write_bytes(b"no MATLAB file")
    with pytest.raises(DataTreeError, match=r"2008_000002\.mat has no LabelMap"):
        prepare_pc459(None, tmp_path, Options(any_number=True, force=True))


@pytest.fixture
def merged(tmp_path):
    """`trainval_merged.json` of one training and one validation picture of 2 x 3 px."""
    vocabulary = get_vocabulary("pascal_context_59")
    images = [
        dict(image_id=7, file_name="2008_000007.jpg", phase="val", height=2, width=3),
        dict(image_id=8, file_name="2008_000008.jpg", phase="train", height=2, width=3),
    ]
    wood = vocabulary.category_ids[-1]

    def region(image_id, category_id, counts):
        code = dict(size=[2, 3], counts=counts)  # column by column
        return dict(image_id=image_id, category_id=category_id, segmentation=code)

    content = dict(
        images=images,
        annos_segmentation=[
            region(7, 2, [0, 4, 2]),
            region(7, wood, [2, 2, 2]),
            region(7, 3, [4, 1, 1]),
        ],
        categories=[
            dict(category_id=i, name=n)
            for i, n in zip(vocabulary.category_ids, vocabulary.names, strict=True)
        ],
    )
    path = tmp_path / "VOC2010" / "trainval_merged.json"
    picture(tmp_path / "VOC2010/JPEGImages/2008_000007.jpg")
    path.write_text(json.dumps(content))
    return path, content


def test_pc59(merged, tmp_path):
    prepare_pc59(None, tmp_path, PART)
    labels = read_label_map(tmp_path / "context59/val/2008_000007.png")
    assert labels.tolist() == [[0, 58, 255], [0, 58, 255]]
    assert [path.name for path in (tmp_path / "context59/val").glob("*.png")] == ["2008_000007.png"]


@pytest.mark.parametrize("damage", ["names", "keys", "json"])
def test_pc59_of_another_kind(merged, tmp_path, damage):
    path, content = merged
    if damage == "names":
        content["categories"] = [dict(category_id=i + 1, name=f"x{i}") for i in range(59)]
    elif damage == "keys":
        del content["annos_segmentation"]
    path.write_text(json.dumps(content)[: -20 if damage == "json" else None])
    with pytest.raises(
        DataTreeError, match="of only 0 of 59" if damage == "names" else "cannot be read"
    ):
        prepare_pc59(None, tmp_path, PART)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (prepare_coco_stuff, r"stuffthingmaps_trainval2017\.zip"),
        (prepare_coco_panoptic, r"panoptic_annotations_trainval2017\.zip"),
        (prepare_ade150, r"ADEChallengeData2016\.zip"),
        (prepare_ade847, r"ADE20K_2021_17_01\.zip"),
        (prepare_pc59, "trainval_merged.json"),
        (prepare_pc459, r"trainval\.tar\.gz"),
        (prepare_voc, r"VOCtrainval_11-May-2012\.tar"),
    ],
)
def test_missing_archive_is_named(tmp_path, prepare, message):
    with pytest.raises(DataTreeError, match=f"does not exist; it is in .*{message}"):
        prepare(None, tmp_path, PART)
