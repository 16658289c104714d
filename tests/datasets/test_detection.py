import json
import shutil

import pytest

from ovsam.datasets.detection import Objects365Dataset, V3DetDataset, with_file_ids
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.structures.vocabulary import Vocabulary
from tests.datasets.image_trees import write_picture

PIPELINE = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]
#: Of the files as they are published: name -> category id.
V3DET = {"ashtray": 1, "cash machine": 2, "crane": 9}
OBJECTS365 = {"Person": 1, "Sneakers": 2, "Moniter/TV": 38, "Table Tennis ": 365}


def write(root, ann_file, names, categories):
    """One box per picture, of the classes in turn; each picture lists a folder as the publishers do."""
    content = dict(
        images=[dict(id=i, file_name=name, height=6, width=9) for i, name in enumerate(names, 1)],
        annotations=[
            dict(id=i, image_id=i, category_id=list(categories.values())[i - 1], bbox=[i, 1, 3, 4])
            for i in range(1, len(names) + 1)
        ],
        categories=[dict(id=identity, name=name) for name, identity in categories.items()],
    )
    path = root / "annotations" / ann_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def v3det(tmp_path):
    names = [f"images/a0000006{i}/{i}_x.jpg" for i in range(3)]
    for level, name in enumerate(names):
        write_picture(tmp_path / name, level)
    write(tmp_path, "v3det_2023_v1_train.json", names, V3DET)

    def make(**changes):
        options = dict(data_root=str(tmp_path), data_prefix=dict(img=""), pipeline=PIPELINE)
        return V3DetDataset(ann_file="annotations/v3det_2023_v1_train.json", **{**options, **changes})

    return make


@pytest.fixture
def objects365(tmp_path):
    listed = ["images/v1/patch8/o_1.jpg", "images/v2/patch16/o_2.jpg", "images/v2/patch16/o_3.jpg"]
    for level, name in enumerate(listed):
        write_picture(tmp_path / "train" / "/".join(name.split("/")[-2:]), level)
    absent = "images/v2/patch16/objects365_v2_00908726.jpg"
    write(tmp_path, "zhiyuan_objv2_train.json", [*listed, absent], OBJECTS365)

    def make(**changes):
        options = dict(data_root=str(tmp_path), data_prefix=dict(img="train"), pipeline=PIPELINE)
        return Objects365Dataset(
            ann_file="annotations/zhiyuan_objv2_train.json", **{**options, **changes}
        )

    return make


def test_v3det_gives_boxes_and_no_masks(v3det):
    found = v3det()
    sample = found[1]["data_samples"]
    assert sample.supervision == "boxes"
    assert sample.gt_instances.bboxes.tolist() == [[2, 1, 5, 5]]
    assert sample.gt_instances.masks.sum() == 12  # the box, filled
    assert [found.vocabulary.names[i] for i in sample.gt_instances.labels] == ["cash machine"]
    assert (found[1]["inputs"] == 1).all()
    assert found.metainfo["with_masks"] is False


def test_labels_of_a_shared_vocabulary(v3det, objects365):
    shared = "lvis+v3det+objects365"
    names = get_vocabulary(shared).names
    labels = [v3det(shared=shared)[i]["data_samples"].gt_instances.labels.item() for i in range(3)]
    assert [names[label] for label in labels] == ["ashtray", "cash machine", "crane"]
    found = objects365(shared=shared)
    labels = [found[i]["data_samples"].gt_instances.labels.item() for i in range(3)]
    assert [names[label] for label in labels] == ["person", "shoe", "monitor"]
    assert labels != [0, 1, 37]
    assert found.metainfo["vocabulary"]["digest"] == get_vocabulary(shared).digest()


def test_objects365_is_read_from_its_patches(objects365):
    found = objects365()
    assert [found[i]["data_samples"].img_path.split("/train/")[1] for i in range(3)] == [
        "patch8/o_1.jpg",
        "patch16/o_2.jpg",
        "patch16/o_3.jpg",
    ]
    assert found.skipped == {"images that were never published": 1}
    assert found[2]["data_samples"].gt_instances.labels.tolist() == [37]  # "Moniter/TV", mended


def test_an_image_listed_but_absent(objects365, tmp_path):
    shutil.rmtree(tmp_path / "train" / "patch8")
    with pytest.raises(FileNotFoundError, match=r"lists 1 of 3 images that do not exist.*o_1\.jpg"):
        objects365()
    found = objects365(on_error="skip")
    assert len(found) == 2
    assert found.skipped["images listed and absent"] == 1


@pytest.mark.parametrize("content", ["", "no picture", "other size"])
def test_broken_pictures(v3det, tmp_path, content):
    path = tmp_path / "images" / "a00000060" / "0_x.jpg"
    if content == "other size":
        write_picture(path, 9, size=(9, 6))
    else:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"0_x\.jpg"):
        v3det()[0]
    found = v3det(on_error="skip")
    assert int(found[0]["inputs"][0, 0, 0]) in (1, 2)
    assert found.num_broken >= 1


def test_a_label_outside_the_list(v3det, tmp_path):
    path = tmp_path / "annotations" / "v3det_2023_v1_train.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["category_id"] = 13_205
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"annotation 1 has category id 13205, which .* lacks"):
        v3det()


WORDS = Vocabulary("words", (("cat",), ("Battery",), ("battery",), ("mended",)))


def ids(*rows):
    content = {"categories": [dict(id=identity, name=name) for identity, name in rows]}
    return with_file_ids(WORDS, content, "file.json").category_ids


def test_ids_are_found_by_name():
    assert ids((7, "battery"), (3, "Cat"), (9, "Battery")) == (3, 9, 7, -4)
    assert ids((7, "battery"), (3, "cat"), (4, "mnded")) == (3, -2, 7, 4)  # left over, same id


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no list `categories`"),
        ([(1, "cat"), (1, "battery")], "category ids occur twice: .1"),
        ([(1, "cat"), (2, "cat")], "category names occur twice: .'cat'"),
        ([(1, "")], "needs an id that is a whole number, and a name"),
        ([("x", "cat")], "needs an id that is a whole number, and a name"),
        ([(1, "cat"), (9, "cow")], "1 of its 2 classes are not in the list, such as .'cow'"),
        ([(4, "a"), (2, "b"), (3, "battery")], "not of vocabulary 'words'"),
    ],
)
def test_files_of_other_classes(rows, message):
    with pytest.raises(ValueError, match=message):
        ids(*rows)
