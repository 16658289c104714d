import logging

import numpy as np
import pytest
import torch

from ovsam.datasets.image_folders import ClassFolders
from ovsam.datasets.transforms.geometry import RandomResizeCrop
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.datasets.vocabularies import class_list, get_vocabulary
from tests.datasets.image_trees import pack, write_tree

PIPELINE = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]
ANIMALS = dict(type=class_list, name="animals", base=["bird", "Wild_cat", "dog"])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path / "tree", {"wild cat": [3, 1], "bird": [7], "dog": []})


def folders(root, **changes):
    return ClassFolders(
        **{**dict(data_root=str(root), vocabulary=ANIMALS, pipeline=PIPELINE), **changes}
    )


def test_a_sample_is_the_whole_picture_with_its_class_and_no_mask(root):
    found = folders(root)
    sample = found[2]["data_samples"]
    assert sample.img_id == "wild cat/3.JPEG"
    assert sample.supervision == "image"
    assert sample.gt_instances.labels.tolist() == [1]
    assert sample.gt_instances.bboxes.tolist() == [[0, 0, 9, 6]]  # x to the right: w before h
    assert sample.gt_instances.masks.shape == (1, 6, 9)
    assert sample.gt_instances.masks.all()
    assert sample.prompts.coordinates.flatten().tolist() == [0, 0, 9, 6]
    assert (found[2]["inputs"] == 3).all()
    assert found.metainfo["with_masks"] is False
    assert found.labels.tolist() == [0, 1, 1]


def test_what_is_left_out_is_counted(root, caplog):
    (root / "bird" / "0.JPEG").touch()
    pack(root / "bird")
    found = folders(root, vocabulary={**ANIMALS, "base": ["bird", "wild cat", "dog", "emu"]})
    assert found.skipped == {
        "classes without a folder": 1,
        "folders without a picture": 1,
        "empty files": 1,
    }


def test_a_folder_of_no_class(root):
    (root / "emu").mkdir()
    with pytest.raises(ValueError, match=r"1 folders or tar files, such as emu, are no class"):
        folders(root)
    assert folders(root, other_classes="skip").skipped["folders of other classes"] == 1


def test_synsets_are_found_by_their_number(tmp_path):
    root = write_tree(tmp_path / "imagenet", {"n01440764": [1], "n02012849": [2, 3]})
    pack(root / "n02012849")
    found = folders(root, vocabulary="imagenet21k")
    names = get_vocabulary("imagenet21k").names
    assert [names[label].split(" (")[0] for label in found.labels] == ["tench", "crane", "crane"]
    assert found[1]["data_samples"].img_path.endswith("n02012849.tar/2.JPEG")
    own = folders(root, vocabulary="folders")
    assert own.vocabulary.classes[0] == ("tench", "Tinca tinca")
    assert own.labels.tolist() == [0, 1, 1]


def test_labels_of_a_shared_vocabulary(tmp_path):
    root = write_tree(tmp_path / "imagenet", {"n01440764": [1], "n02834778": [2]})
    found = folders(root, vocabulary="imagenet1k", shared="coco+imagenet1k", other_classes="skip")
    shared = get_vocabulary("coco+imagenet1k")
    assert [shared.names[label] for label in found.labels] == ["tench"]
    assert found[0]["data_samples"].gt_instances.labels.tolist() == found.labels.tolist()
    assert found.metainfo["vocabulary"]["name"] == "coco_48_17+imagenet1k"
    with pytest.raises(ValueError, match="has no list 'animals'"):
        folders(root, shared="coco+imagenet1k")


def test_the_names_of_a_part_of_the_drawn_world_are_found_in_all_of_it(tmp_path):
    root = write_tree(tmp_path / "drawn", {"orange_star": [1]})
    found = folders(root, vocabulary="shapes", shared="shapes22k")
    assert found.labels.tolist() == [13]
    with pytest.raises(ValueError, match=r"'shapes22k' lacks 3 of the 3 classes of 'animals'"):
        folders(root, shared="shapes22k")


def test_broken_pictures_are_refused_or_counted(root, caplog):
    (root / "wild cat" / "3.JPEG").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"wild cat/3\.JPEG is broken or no picture"):
        folders(root)[2]
    found = folders(root, on_error="skip")
    with caplog.at_level(logging.WARNING):
        drawn = {int(found[2]["inputs"][0, 0, 0]) for _ in range(4)}
    assert drawn <= {1, 7}
    assert found.num_broken >= 4  # the picture that takes its place may be the broken one again
    (root / "bird" / "7.JPEG").unlink()  # listed, and gone since
    assert (found[0]["inputs"] == 1).all()


def test_a_set_of_broken_pictures_ends_with_an_error(root):
    for path in root.rglob("*.JPEG"):
        path.write_bytes(b"")
    found = folders(root, on_error="skip")
    with pytest.raises(RuntimeError, match="100 images in turn"):
        found[0]


def test_a_test_skips_nothing(root):
    with pytest.raises(ValueError, match="a test leaves no picture out"):
        folders(root, on_error="skip", test_mode=True)
    with pytest.raises(ValueError, match="on_error must be raise or skip"):
        folders(root, on_error="ignore")


def test_parts_of_the_pictures_and_cached_ones(root):
    assert len(folders(root, indices=2)) == 2
    some = folders(root, indices=[2, 0], cache_images=True)
    assert [some.image_id(i) for i in range(2)] == ["wild cat/3.JPEG", "bird/7.JPEG"]
    first = some[0]["inputs"]
    (root / "wild cat" / "3.JPEG").unlink()
    torch.testing.assert_close(some[0]["inputs"], first)


def test_an_index_of_two_folders_of_one_class(root):
    (root / "Dog").mkdir()
    with pytest.raises(ValueError, match="Dog and dog are of one class"):
        folders(root)


def test_a_crop_keeps_the_label(root):
    crop = dict(type=RandomResizeCrop, size=16, ratio_range=(0.5, 2.0))
    found = folders(root, pipeline=[*PIPELINE[:2], crop, *PIPELINE[2:]])
    sample = found[0]["data_samples"]
    assert sample.gt_instances.labels.tolist() == [0]
    assert np.ptp(sample.gt_instances.bboxes[0, 2:].numpy()) >= 0
    assert sample.gt_instances.masks.all()


def test_no_picture_at_all(tmp_path):
    with pytest.raises(ValueError, match=r"has no image to keep; left out: 2 classes without a folder"):
        folders(write_tree(tmp_path / "t", {"dog": []}))
