"""Data of joint training: what is written, that readers find it, that it stands apart from tests."""

import json

import numpy as np
import pytest
from PIL import Image

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.image_folders import ClassFolders
from ovsam.datasets.shapes.classes import (
    BOXED_LOOKS,
    CLASS_LOOKS,
    LABELLED_LOOKS,
    PATTERNS,
    SEEN_LOOKS,
    SHAPES,
)
from ovsam.datasets.shapes.sources_writer import SourcesPlan, write_sources
from ovsam.datasets.shapes.world import draw_scene
from ovsam.datasets.tree import DataTreeError

PLAN = SourcesPlan(size=64, label_size=32, boxes=4, labels=30, probe=3)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources") / "tree"
    assert write_sources(root, PLAN)[1]
    return root


def test_the_groups_of_looks_share_none_and_none_with_the_benchmark():
    groups = [set(BOXED_LOOKS), set(LABELLED_LOOKS), set(CLASS_LOOKS)]
    assert len(set.union(*groups)) == sum(map(len, groups))
    assert set(LABELLED_LOOKS) < set(SEEN_LOOKS)
    assert (len(BOXED_LOOKS), len(LABELLED_LOOKS)) == (1235, 19961)
    for looks in (BOXED_LOOKS, LABELLED_LOOKS):
        assert {look.shape for look in looks} == set(SHAPES)
        assert {look.pattern for look in looks} >= set(PATTERNS)


def test_boxes_are_read_with_the_names_of_all(tree):
    data = CocoPromptDataset(
        ann_file=str(tree / "annotations/boxes.json"),
        data_prefix=dict(img=str(tree / "images/boxes")),
        vocabulary="shapes_boxes",
        shared="shapes22k",
        with_masks=False,
    )
    scene = draw_scene(seed=0, split="boxes", index=2, size=64, looks=BOXED_LOOKS)
    entry = data.get_data_info(2)
    names = [data.vocabulary.names[instance["label"]] for instance in entry["instances"]]
    assert names == [look.name for look in scene.looks]
    kept = {data.vocabulary.names[label] for label in data.sample_labels}  # what a test offers
    assert kept == {look.name for look in BOXED_LOOKS}
    assert np.array_equal(np.asarray(Image.open(entry["img_path"])), scene.image)
    content = json.loads((tree / "annotations/boxes.json").read_text())
    assert not any("segmentation" in annotation for annotation in content["annotations"])
    for mask, instance in zip(scene.masks, entry["instances"], strict=True):
        rows, columns = mask.nonzero()
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert instance["bbox"] == pytest.approx(box)


def test_each_label_has_a_folder_with_a_picture(tree):
    data = ClassFolders(data_root=str(tree / "labels"), vocabulary="shapes_labels", shared="shapes22k")
    assert len(data) == 30
    found = {data.vocabulary.names[data.get_data_info(n)["instances"][0]["label"]] for n in range(30)}
    assert found == {look.name for look in LABELLED_LOOKS[:30]}
    assert data.get_data_info(0)["img"].shape == (32, 32, 3)


def test_the_probe_has_masks_of_things_with_labels_only(tree):
    content = json.loads((tree / "annotations/probe.json").read_text())
    assert all("segmentation" in annotation for annotation in content["annotations"])
    assert [row["name"] for row in content["categories"]] == [look.name for look in LABELLED_LOOKS]


def test_it_is_written_once_and_refused_where_another_stands(tree):
    assert not write_sources(tree, PLAN)[1]
    with pytest.raises(DataTreeError, match="probe: 3 there, 2 asked"):
        write_sources(tree, SourcesPlan(size=64, label_size=32, boxes=4, labels=30, probe=2))
    with pytest.raises(ValueError, match="label_size must be 32 to 4096 px, got 8"):
        SourcesPlan(label_size=8)
